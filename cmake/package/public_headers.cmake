# Collects the public headers: those in include/mnema and all that they include, as mnema/FOLDER/FILE, so that the one
# include root of the package holds nothing but `mnema/`. Run at install time.
#
#   mnema_source    the source tree
#   mnema_headers   the folder to fill; emptied first
cmake_policy(VERSION 3.25)
file(REMOVE_RECURSE "${mnema_headers}")
file(GLOB waiting RELATIVE "${mnema_source}" "${mnema_source}/include/mnema/*.hpp")
set(collected ${waiting})
while(waiting)
  list(POP_FRONT waiting header)
  file(READ "${mnema_source}/${header}" text)
  string(REGEX MATCHALL "#include \"[^\"]+\"" includes "${text}")
  foreach(line ${includes})
    string(REGEX REPLACE "#include \"([^\"]+)\"" "\\1" included "${line}")
    if(NOT included IN_LIST collected)
      list(APPEND collected ${included})
      list(APPEND waiting ${included})
    endif()
  endforeach()
  string(REPLACE "#include \"" "#include \"mnema/" text "${text}")
  string(REGEX REPLACE "^include/mnema/" "" place "${header}")
  file(WRITE "${mnema_headers}/mnema/${place}" "${text}")
endwhile()
