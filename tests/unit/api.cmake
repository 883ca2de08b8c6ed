# The API in front of fake_gateway.c, which stands for the gateway's control loop.
if(CMOCKA_FOUND AND TARGET braid_api)
  add_library(braid_fake_gateway OBJECT fake_gateway.c http_client.c ${CMAKE_SOURCE_DIR}/gateway/policy_name.c
              ${CMAKE_SOURCE_DIR}/gateway/timers.c)
  target_link_libraries(braid_fake_gateway PUBLIC braid_api PkgConfig::CURL PRIVATE PkgConfig::CMOCKA)
endif()

foreach(name test_http test_http_wire test_http_load test_api_parts test_metrics test_handover)
  braid_unit_test(${name} braid_api braid_fake_gateway)
endforeach()
braid_unit_test(test_ctl braid_ctl)
