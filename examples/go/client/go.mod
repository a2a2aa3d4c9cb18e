module example.org/ampql/client

go 1.19

require (
	example.org/ampql v0.0.0
	github.com/prometheus/client_golang v1.14.0
)

replace example.org/ampql => ../
