#!/bin/sh
# Install what was built, or take it away again: install.sh install|uninstall, with B, DESTDIR, PREFIX, LIBDIR,
# ZSHDIR and VERSION in the environment. One list says what goes where, so that both agree.
set -eu
action=$1
to=${DESTDIR:-}
share=$PREFIX/share
so=libampql.so.$VERSION

# file MODE SOURCE TARGET
file() {
    if [ "$action" = install ]; then
        mkdir -p "$to${3%/*}"
        install -m "$1" "$2" "$to$3"
    else
        rm -f "$to$3"
    fi
}

# link TEXT TARGET
link() {
    if [ "$action" = install ]; then
        mkdir -p "$to${2%/*}"
        ln -sf "$1" "$to$2"
    else
        rm -f "$to$2"
    fi
}

# own FOLDER: nobody else puts anything in it.
own() {
    if [ "$action" = uninstall ] && [ -d "$to$1" ]; then
        rmdir "$to$1"
    fi
}

file 755 "$B/ampql" "$PREFIX/bin/ampql"
file 644 include/ampql.h "$PREFIX/include/ampql.h"
for header in include/ampql/*.h; do
    file 644 "$header" "$PREFIX/$header"
done
own "$PREFIX/include/ampql"
file 644 "$B/libampql.a" "$LIBDIR/libampql.a"
file 644 "$B/libampql.so" "$LIBDIR/$so"
link "$so" "$LIBDIR/libampql.so.${VERSION%%.*}"
link "$so" "$LIBDIR/libampql.so"
file 644 "$B/dist/ampql.pc" "$LIBDIR/pkgconfig/ampql.pc"
file 644 "$B/dist/ampql.1" "$share/man/man1/ampql.1"
file 644 "$B/dist/libampql.3" "$share/man/man3/libampql.3"
file 644 "$B/dist/ampql.bash" "$share/bash-completion/completions/ampql"
file 644 "$B/dist/ampql.zsh" "$ZSHDIR/_ampql"
file 644 "$B/dist/ampql.fish" "$share/fish/vendor_completions.d/ampql.fish"
for text in LICENSE README.md; do
    file 644 $text "$share/doc/ampql/$text"
done
for example in examples/*.c examples/*.py; do
    file 644 "$example" "$share/doc/ampql/$example"
done
own "$share/doc/ampql/examples"
own "$share/doc/ampql"
