//go:build !asan

package ampql

func leaked() bool { return false }
