# Identity, configuration and what is kept of it; paths are relative to this folder.
set(BRAID_CONFIG_SOURCES
    identity.c hardware_id.c policy_name.c timers.c state.c
    config.c config_document.c config_errors.c config_rules.c config_secret.c config_table.c config_user.c
    config_value.c)
