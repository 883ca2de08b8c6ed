/*
 * array.h - a small iSCSI disk array on the target library: the program braid-array, and the same in-process.
 *
 * It takes two loops. Commands are executed on `worker`; logins, the control socket and everything that is called here
 * belong to `control`. One loop may be both.
 *
 * Life: array_create -> array_listen -> array_drain, wait for done -> the loops stop (loop_join) -> array_destroy ->
 * loop_destroy. An array that never listened may be destroyed at once.
 */
#ifndef BRAID_ARRAY_ARRAY_H
#define BRAID_ARRAY_ARRAY_H

#include "target/array/ports.h"
#include "target/target.h"

#include <event2/buffer.h>

#define ARRAY_PORTALS_MAX PORTS_MAX

struct array;

struct array_portal_config {
	const char *address; /* net.h text form */
	uint16_t tpgt; /* 0: the portal's position, counted from 1 */
	uint16_t group; /* target port group; 0: the same number as tpgt */
};

struct array_lu_config {
	uint16_t lun;
	const char *path; /* NULL: memory */
	uint64_t size_bytes; /* 0 with a path: the file's size */
	uint32_t block_size; /* 0: 512 */
	const char *serial; /* NULL: made from the array's serial number and the LUN */
	const char *name; /* for people; NULL: none */
	bool thick;
};

/* Everything is copied. */
struct array_config {
	const char *iqn;
	const struct array_portal_config *portals; /* 1 .. ARRAY_PORTALS_MAX */
	size_t portal_count;
	const struct array_lu_config *lus; /* LUNs differ */
	size_t lu_count;
	const char *serial; /* NULL: derived from the IQN. Arrays with the same one are one array */
	const char *vendor, *product; /* NULL: BRAID, RAM-DISK or FILE-DISK */
	const struct target_user *users;
	size_t user_count;
	enum ports_tpgs tpgs;
	uint8_t transition_s;
	const char *control_path; /* unix socket; NULL: none */

	/* The command "quit" was given. NULL: it is refused. Control loop. */
	void (*quit)(void *arg);
	void *arg;
};

/* NULL: what is wrong has been logged. */
struct array *array_create(const struct array_config *config, struct loop *control, struct loop *worker);

/* Portals and control socket. 0 or -errno (logged). */
int array_listen(struct array *array);

/* Lets sessions go for at most grace_us, then closes them; done is called once, on the control loop. */
void array_drain(struct array *array, uint64_t grace_us, void (*done)(void *arg), void *arg);
void array_destroy(struct array *array); /* takes NULL */

/* The bound address, known after array_listen(). */
const struct net_address *array_portal_address(const struct array *array, unsigned portal);

/* One line of the control protocol. done gets what it prints and NULL, or the reason why it failed; it is called once,
 * on the control loop, never inside this call. Control loop. */
typedef void array_answer(void *arg, struct evbuffer *text, const char *error);
void array_command(struct array *array, const char *line, array_answer *done, void *arg);

#endif
