package ampql

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	status := m.Run()
	if leaked() {
		status = 1
	}
	os.Exit(status)
}
