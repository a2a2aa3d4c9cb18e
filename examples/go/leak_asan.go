//go:build cgo && asan

package ampql

/*
int __lsan_do_recoverable_leak_check(void);
*/
import "C"

// leaked says whether C memory is left that nobody holds, on standard error with where it is from.
func leaked() bool { return C.__lsan_do_recoverable_leak_check() != 0 }
