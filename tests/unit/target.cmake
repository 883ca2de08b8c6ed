braid_unit_test(test_pdu braid_target)
braid_unit_test(test_keys braid_target)
braid_unit_test(test_login braid_target PkgConfig::NETTLE)
braid_unit_test(test_target braid_target)
