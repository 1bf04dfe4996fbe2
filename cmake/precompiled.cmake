# What the library headers of others cost, paid once a program instead of once a file: a fifth of the CPU time with GCC 12 (six
# files), a third to two fifths with Clang's sanitizers (28 files drawn at random). `./dev check` builds without it, so that each file still includes
# what it uses.
option(MNEMA_PRECOMPILE "Read the headers of the standard library, of JSON and of GoogleTest once a program" ${PROJECT_IS_TOP_LEVEL})

set(precompiled_headers
  <algorithm> <array> <atomic> <charconv> <chrono> <cmath> <cstdint> <cstring> <deque> <filesystem> <fstream> <functional> <map>
  <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>
  <boost/json.hpp> <fmt/format.h>)
set(precompiled_files_min 20)  # of a program, or it is not worth the seconds

# mnema_precompile(TARGET SOURCES... [HEADERS more...]): for `sources`, all of the target's but those with flags of their own.
function(mnema_precompile target)
  cmake_parse_arguments(P "" "" "SOURCES;HEADERS" ${ARGN})
  list(LENGTH P_SOURCES files)
  if(NOT MNEMA_PRECOMPILE OR files LESS precompiled_files_min)
    return()
  endif()
  target_precompile_headers(${target} PRIVATE ${precompiled_headers} ${P_HEADERS})
  foreach(source ${P_SOURCES})
    if(source MATCHES "_avx(2|512)\\.cpp$")
      set_source_files_properties(${source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
  # What ccache needs to know a file again that was compiled so (with its sloppiness pch_defines,time_macros).
  target_compile_options(${target} PRIVATE
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fpch-preprocess>
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:Clang>>:SHELL:-Xclang -fno-pch-timestamp>)
endfunction()
