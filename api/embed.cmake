# Writes OUTPUT, a C file that defines page_files[] (page.h), from FILES:
#   cmake -DOUTPUT=page_files.c "-DFILES=a.html;b.css" -P embed.cmake
set(arrays "")
set(rows "")
set(number 0)
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "static const unsigned char file_${number}[] = {\n${bytes}\n};\n\n")
  string(APPEND rows "\t{ \"${name}\", file_${number}, sizeof(file_${number}) },\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUTPUT} "/* Made by embed.cmake from web/. */\n#include \"api/page.h\"\n\n${arrays}"
     "const struct page_file page_files[] = {\n${rows}\t{ .name = NULL },\n};\n")
