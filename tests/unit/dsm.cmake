# The modules: as the gateway loads and orders them, and as braid-dsm-check judges them.
braid_unit_test(test_dsm_call braid_dsm)
braid_unit_test(test_policy_shares braid_dsm)
braid_unit_test(test_dsm_table braid_sim)
braid_unit_test(test_levels braid_sim)

# braid_dsm_plugin(NAME DEFINITION...): a shared object made of dsm_plugin.c.
function(braid_dsm_plugin name)
  add_library(${name} MODULE dsm_plugin.c)
  target_compile_definitions(${name} PRIVATE ${ARGN})
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
  if(TARGET test_dsm_table)
    add_dependencies(test_dsm_table ${name})
    add_dependencies(test_levels ${name})
  endif()
endfunction()

braid_dsm_plugin(plugin_good)
braid_dsm_plugin(plugin_second VARIANT_NAME="second")
braid_dsm_plugin(plugin_clash VARIANT_NAME="generic")
braid_dsm_plugin(plugin_name VARIANT_NAME="not\ a\ name")
braid_dsm_plugin(plugin_abi VARIANT_ABI=DSM_ABI+1)
braid_dsm_plugin(plugin_short VARIANT_SIZE=64)
braid_dsm_plugin(plugin_later VARIANT_SIZE=sizeof\(struct\ later_ops\) VARIANT_NAME="later")
braid_dsm_plugin(plugin_later_used VARIANT_SIZE=sizeof\(struct\ later_ops\) VARIANT_UNKNOWN=&hardware VARIANT_NAME="used")
braid_dsm_plugin(plugin_no_symbol VARIANT_SYMBOL="some_other_module")
braid_dsm_plugin(plugin_no_match VARIANT_NO_MATCH)
braid_dsm_plugin(plugin_refuses VARIANT_REFUSES VARIANT_NAME="refuses")
braid_dsm_plugin(plugin_wrong_row VARIANT_WRONG_ROW)
braid_dsm_plugin(plugin_reads_beyond VARIANT_READS_BEYOND)

if(TARGET test_dsm_table)
  target_compile_definitions(test_dsm_table PRIVATE PLUGINS="${CMAKE_BINARY_DIR}/plugins")
  target_compile_definitions(test_levels PRIVATE PLUGINS="${CMAKE_BINARY_DIR}/plugins")
endif()

# braid_dsm_check(NAME MODULE [ARGUMENT...])
function(braid_dsm_check name)
  add_test(NAME ${name} COMMAND braid-dsm-check ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

braid_dsm_check(dsm_check_generic builtin:generic)
braid_dsm_check(dsm_check_families builtin:families)
braid_dsm_check(dsm_check_active_passive builtin:active-passive)
braid_dsm_check(dsm_check_plugin $<TARGET_FILE:plugin_good>)

# What is wrong is found, named, and ends with 1.
function(braid_dsm_check_finds name plugin pattern)
  add_test(NAME ${name} COMMAND sh -c
           "found=$($<TARGET_FILE:braid-dsm-check> $<TARGET_FILE:${plugin}>); test $? = 1 && echo \"$found\" | grep -Eq '${pattern}'")
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

braid_dsm_check_finds(dsm_check_finds_row plugin_wrong_row
                      "status 18, path 0: next is retry-other, the row wants return")
braid_dsm_check_finds(dsm_check_finds_crash plugin_reads_beyond "sense +WRONG.*(crashed|ended the process)")
