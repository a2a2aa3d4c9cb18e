module example.org/ampql

go 1.19
