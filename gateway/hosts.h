/*
 * hosts.h - which hosts may log in, and what each of them sees (target.hosts of the configuration).
 *
 * Without an entry everybody may log in and sees every LUN. With entries, the first one that fits the host's name, its
 * address and its CHAP user decides; a host that none fits is refused, discovery sessions too. A host keeps its scope
 * for the life of its session: when a reload gives it another one its session ends, and the next login has the new one.
 * Control loop; the scopes themselves are read by workers, through target_nexus.scope.
 */
#ifndef BRAID_HOSTS_H
#define BRAID_HOSTS_H

#include "gateway/gateway.h"

struct host_table;

/* Of the live configuration. */
struct host_table *hosts_create(const struct config *config);
void hosts_destroy(struct host_table *hosts); /* takes NULL; no session has a scope of it */

/* target_ops.admit: sets nexus->scope, or says why not. */
const char *hosts_admit(struct host_table *hosts, struct target_nexus *nexus, const char *chap_user);

/* A session with that scope has begun, or ended. */
void hosts_login(struct host_table *hosts, const struct target_nexus *nexus);
void hosts_logout(struct host_table *hosts, const struct target_nexus *nexus);

/* The live configuration is new: sessions that may no longer be what they are end. */
void hosts_reload(struct host_table *hosts, const struct config *config, struct target *target);

#endif
