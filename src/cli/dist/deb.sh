#!/bin/sh
# Debian packages of what `make install` has put below STAGE, into OUT: ampql, libampql0 and libampql-dev.
#
#   deb.sh STAGE OUT VERSION MULTIARCH
#
# The command has the library inside, so that it needs none of the others. SOURCE_DATE_EPOCH is the time of all files.
set -eu
stage=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
version=$3
multiarch=$4
here=$(dirname "$0")
arch=$(dpkg --print-architecture)
lib=usr/lib/$multiarch
umask 022
rm -rf "$out/tree"
mkdir -p "$out/tree"

# into PACKAGE FILE...: files of the stage
into() {
    package=$1
    shift
    for file in "$@"; do
        mkdir -p "$out/tree/$package/$(dirname "$file")"
        cp -a "$stage/$file" "$out/tree/$package/$file"
    done
}
into ampql usr/bin/ampql usr/share/man/man1/ampql.1 usr/share/bash-completion/completions/ampql \
    usr/share/zsh/vendor-completions/_ampql usr/share/fish/vendor_completions.d/ampql.fish usr/share/doc/ampql/README.md
into libampql0 "$lib/libampql.so.$version" "$lib/libampql.so.0"
into libampql-dev usr/include "$lib/libampql.a" "$lib/libampql.so" "$lib/pkgconfig/ampql.pc" usr/share/man/man3/libampql.3
mkdir -p "$out/tree/libampql-dev/usr/share/doc/libampql-dev"
cp -a "$stage/usr/share/doc/ampql/examples" "$out/tree/libampql-dev/usr/share/doc/libampql-dev/examples"

# Every file of the stage is in a package, but for the licence, which Debian has itself.
left=$(cd "$stage" && find . ! -type d | sort | while read -r file; do
    case $file in
    ./usr/share/doc/ampql/LICENSE | ./usr/share/doc/ampql/examples/*) continue ;;
    esac
    set -- "$out"/tree/*/"$file"
    [ -e "$1" ] || [ -L "$1" ] || echo "$file"
done)
[ -z "$left" ] || {
    echo "in no package: $left" >&2
    exit 1
}

strip --strip-unneeded --remove-section=.comment --remove-section=.note "$out/tree/ampql/usr/bin/ampql" \
    "$out/tree/libampql0/$lib/libampql.so.$version"
strip --strip-debug --enable-deterministic-archives "$out/tree/libampql-dev/$lib/libampql.a"
find "$out/tree" -path '*/share/man/*' -type f -exec gzip -9n {} +

# Fields of a binary package: field PACKAGE
fields() {
    awk -v package="$1" '/^Package: / { on = $2 == package } /^$/ { on = 0 } on' "$here/debian/control"
}

# What a binary needs, by the symbols that it uses: needs FILE
mkdir -p "$out/shlibs/debian"
cp "$here/debian/control" "$out/shlibs/debian/control"
needs() {
    (cd "$out/shlibs" && dpkg-shlibdeps -O --ignore-missing-info "$1" 2>/dev/null) | sed -n 's/^shlibs:Depends=//p'
}

for tree in "$out"/tree/*; do
    package=$(basename "$tree")
    doc=$tree/usr/share/doc/$package
    mkdir -p "$tree/DEBIAN" "$doc"
    cp "$here/debian/copyright" "$doc/copyright"
    printf 'ampql (%s) unstable; urgency=low\n\n  * See README.md.\n\n -- ampql maintainers <ampql@localhost>  %s\n' "$version" \
        "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.gz"
    depends=
    case $package in
    ampql) depends=$(needs "$(realpath "$tree/usr/bin/ampql")") ;;
    libampql0)
        depends=$(needs "$(realpath "$tree/$lib/libampql.so.$version")")
        echo "libampql 0 libampql0 (>= $version)" >"$tree/DEBIAN/shlibs"
        echo 'activate-noawait ldconfig' >"$tree/DEBIAN/triggers"
        {
            echo 'libampql.so.0 libampql0 #MINVER#'
            echo " AMPQL_0@AMPQL_0 $version"
            sed "s/@@\(.*\)/@\1 $version/; s/^/ /" src/api/abi.txt
        } >"$tree/DEBIAN/symbols"
        ;;
    esac
    size=$(find "$tree" -path "$tree/DEBIAN" -prune -o -type f -printf '%s\n' | awk '{ n += int(($1 + 1023) / 1024) } END { print n }')
    {
        echo "Package: $package"
        [ "$package" = ampql ] || echo 'Source: ampql'
        echo "Version: $version"
        echo "Architecture: $arch"
        echo "Installed-Size: $size"
        sed -n '/^Maintainer: /p' "$here/debian/control"
        fields "$package" | sed -e '/^Package: /d' -e '/^Architecture: /d' -e "s/\${shlibs:Depends}/$depends/" \
            -e "s/\${binary:Version}/$version/"
    } >"$tree/DEBIAN/control"
    (cd "$tree" && find . -path ./DEBIAN -prune -o -type f -print | sed 's,^\./,,' | LC_ALL=C sort | xargs -r md5sum) >"$tree/DEBIAN/md5sums"
    find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group --build "$tree" "$out/${package}_${version}_$arch.deb" >/dev/null
    echo "  DEB  $out/${package}_${version}_$arch.deb"
done
