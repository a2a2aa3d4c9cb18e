//go:build !cgo

package ampql

// The library is C. The compiler stops here, with this name as its message.
var _ = ampql_needs_cgo__set_CGO_ENABLED_to_1_and_install_gcc_pkg_config_and_libampql
