#!/bin/sh
# Builds the corrupt party of MP-SPDZ beside an installation in which the parties are built:
#     sh build_corrupt_party.sh PATH-OF-MP-SPDZ
# copies it to PATH-OF-MP-SPDZ-corrupt, applies corrupt_party.patch there and makes the two parties again.
set -eu
patch=$(cd "$(dirname "$0")" && pwd)/corrupt_party.patch
tree=${1%/}
copy=$tree-corrupt
[ -e "$copy" ] || cp -a "$tree" "$copy"
cd "$copy"
if ! [ -e Tools/CorruptParty.h ]; then
    # all of it or nothing: half a patch would look like a whole one the next time
    patch -p1 --dry-run <"$patch"
    patch -p1 <"$patch"
fi
for party in replicated-ring-party.x malicious-rep-ring-party.x; do
    # what is not built in the user's tree is not wanted in the copy
    if [ -e "$party" ]; then make "$party"; fi
done
