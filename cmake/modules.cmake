# How the code base is built: one static library per folder (or per module of a folder), one test program per folder of
# tests, every source found by its place. Nobody edits a list of files.

add_library(mnema_flags INTERFACE)
target_include_directories(mnema_flags INTERFACE ${PROJECT_SOURCE_DIR})
# A program that takes us in by add_subdirectory keeps its own flags.
set(mnema_flags_scope PRIVATE)
if(PROJECT_IS_TOP_LEVEL)
  set(mnema_flags_scope PUBLIC)
endif()
target_compile_options(mnema_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual)
# A float operation must give the same bits in every kernel: no contraction the source does not spell out.
target_compile_options(mnema_flags INTERFACE -ffp-contract=off)
if(MNEMA_WERROR)
  target_compile_options(mnema_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 reports uninitialised reads inside std::variant and std::optional of its own library at -O2.
  target_compile_options(mnema_flags INTERFACE -Wno-maybe-uninitialized)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # std::stable_sort of GCC 12's library uses what that library itself calls deprecated.
  target_compile_options(mnema_flags INTERFACE -Wno-error=deprecated-declarations)
endif()
if(MNEMA_SANITIZE)
  target_compile_options(mnema_flags INTERFACE -fsanitize=${MNEMA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(mnema_flags INTERFACE -fsanitize=${MNEMA_SANITIZE})
endif()
if(MNEMA_FUZZ)
  # The modules too, or the fuzzer does not see which input goes where.
  target_compile_options(mnema_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(NOT MNEMA_SANITIZE)
  set(vector_flags -O3)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # The vector kernels hardly branch: their counters and checks would take 16 minutes.
  set(vector_flags -O1 -fno-sanitize=undefined,fuzzer-no-link)
else()
  # With checks in them, GCC needs five minutes for the integer matmul at -O3 and half of one at -O1.
  set(vector_flags -O1)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")

# mnema_library(TARGET): what every library of ours has: flags, include roots, the name mnema::..., its place in the package.
function(mnema_library target)
  target_link_libraries(${target} ${mnema_flags_scope} $<BUILD_INTERFACE:mnema_flags>)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
  target_compile_features(${target} PUBLIC cxx_std_20)
  string(REGEX REPLACE "^mnema_" "" name ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  add_library(mnema::${name} ALIAS ${target})
endfunction()

# mnema_module(TARGET [DIRECTORIES dirs...] [RECURSE] [EXCLUDE file] [LINK libs...] [PRECOMPILE headers...]): a static library
# of the .cpp files in `dirs`, each a folder below this one (`.` is this one, and the default). PRECOMPILE: headers that most
# of them include (precompiled.cmake).
function(mnema_module target)
  cmake_parse_arguments(MODULE "RECURSE" "EXCLUDE" "DIRECTORIES;LINK;PRECOMPILE" ${ARGN})
  if(NOT MODULE_DIRECTORIES)
    set(MODULE_DIRECTORIES .)
  endif()
  set(sources "")
  foreach(directory ${MODULE_DIRECTORIES})
    if(MODULE_RECURSE)
      file(GLOB_RECURSE found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${directory}/*.cpp)
    else()
      file(GLOB found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${directory}/*.cpp)
    endif()
    list(APPEND sources ${found})
  endforeach()
  if(MODULE_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "/${MODULE_EXCLUDE}$")
  endif()
  add_library(${target} STATIC ${sources})
  mnema_library(${target})
  target_link_libraries(${target} PUBLIC ${MODULE_LINK})
  mnema_precompile(${target} SOURCES ${sources} HEADERS ${MODULE_PRECOMPILE})
  # Instruction sets are a matter of the file's name; everything else is built for the plain machine.
  foreach(source ${sources})
    if(source MATCHES "_avx2\\.cpp$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${vector_flags};-mavx2;-mfma;-mf16c;-mbmi2")
    elseif(source MATCHES "_avx512\\.cpp$")
      set(unwatched "")
      if(MNEMA_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND source MATCHES "/matmul_avx512\\.cpp$")
        set(unwatched -fno-sanitize=all)  # the checks of addresses take Clang minutes; its AVX2 sister has them
      endif()
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS
        "${vector_flags};${unwatched};-mavx2;-mfma;-mf16c;-mbmi2;-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mavx512vnni;-mavx512bf16;-mprefer-vector-width=512")
    endif()
  endforeach()
endfunction()

# mnema_computes(TARGET): a module whose tests take minutes longer without the optimiser than compiling it does with it. Where
# there are sanitizers, the others have none.
function(mnema_computes target)
  if(MNEMA_SANITIZE)
    target_compile_options(${target} PRIVATE -O1)
  endif()
endfunction()

# What sanitizers are told, and the tests: MNEMA_SANITIZED leaves out what is too slow under them. (Stack use after
# return is not looked for: the frames that GCC 12 puts aside for it lack the alignment of 512-bit vectors.)
set(sanitizer_environment "")
if(MNEMA_SANITIZE STREQUAL "thread")
  set(sanitizer_environment MNEMA_SANITIZED=tsan
                            TSAN_OPTIONS=halt_on_error=1:suppressions=${PROJECT_SOURCE_DIR}/tests/tsan.supp)
elseif(MNEMA_SANITIZE)
  set(sanitizer_environment MNEMA_SANITIZED=asan UBSAN_OPTIONS=print_stacktrace=1)
endif()

set(test_seconds_max 900)
if(MNEMA_SANITIZE)
  set(test_seconds_max 1800)
endif()

# All test programs and nothing else: what the sanitizers run.
add_custom_target(unit_tests)

# mnema_tests(NAME [DIRECTORIES dirs...] [RECURSE] [LINK libs...] [PRECOMPILE headers...]): one GoogleTest program of the
# *_test.cpp files in `dirs` (the folder NAME by default).
function(mnema_tests name)
  cmake_parse_arguments(T "RECURSE" "" "DIRECTORIES;LINK;PRECOMPILE" ${ARGN})
  if(NOT T_DIRECTORIES)
    set(T_DIRECTORIES ${name})
  endif()
  set(sources "")
  foreach(directory ${T_DIRECTORIES})
    if(T_RECURSE)
      file(GLOB_RECURSE found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${directory}/*.cpp)
    else()
      file(GLOB found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${directory}/*.cpp)
    endif()
    list(APPEND sources ${found})
  endforeach()
  list(FILTER sources EXCLUDE REGEX "_fuzz\\.cpp$")
  if(NOT sources)
    return()
  endif()
  string(REPLACE "/" "_" target "test_${name}")
  add_executable(${target} ${sources})
  target_link_libraries(${target} PRIVATE ${T_LINK} mnema_flags mnema_test_main)
  if(MNEMA_SANITIZE AND NOT MNEMA_SANITIZE STREQUAL "thread")
    # What the tests call is optimised, and its lines are known. Optimising the tests' own code takes a third of their
    # compile time, and their lines a fifth: a failure names its line anyway.
    target_compile_options(${target} PRIVATE -O0 -g0)
  else()
    target_compile_options(${target} PRIVATE -O1)  # a sixth less compile time than -O2
  endif()
  mnema_precompile(${target} SOURCES ${sources} HEADERS <gtest/gtest.h> ${T_PRECOMPILE})
  target_compile_definitions(${target} PRIVATE MNEMA_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                               MNEMA_BINARY_DIR="${PROJECT_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${run_test} $<TARGET_FILE:${target}>)
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT ${test_seconds_max} SKIP_RETURN_CODE 77
                                          ENVIRONMENT "${sanitizer_environment}")
  add_dependencies(unit_tests ${target})
endfunction()

# mnema_fuzz(NAME SOURCE file LINK libs...): a libFuzzer program, only with -DMNEMA_FUZZ=ON.
function(mnema_fuzz name)
  if(NOT MNEMA_FUZZ)
    return()
  endif()
  cmake_parse_arguments(F "" "SOURCE" "LINK" ${ARGN})
  add_executable(${name} ${F_SOURCE})
  target_link_libraries(${name} PRIVATE ${F_LINK} mnema_flags -fsanitize=fuzzer)
endfunction()
