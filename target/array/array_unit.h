/*
 * array_unit.h - the inside of an array, shared by array.c, array_command.c and array_reservation.c.
 */
#ifndef BRAID_ARRAY_ARRAY_UNIT_H
#define BRAID_ARRAY_ARRAY_UNIT_H

#include "target/array/array.h"
#include "target/array/array_control.h"
#include "target/array/fault.h"
#include "target/array/volume.h"
#include "target/reservation.h"

/* What a portal has carried for a logical unit. Worker thread. */
struct array_stats {
	uint64_t commands; /* that arrived, faults included */
	uint64_t reads, writes, read_bytes, written_bytes; /* executed with GOOD */
	uint64_t errors; /* executed with another status */
	uint64_t faults; /* taken by a rule */
};

struct array_lu {
	struct lu lu;
	struct array *array;
	uint16_t lun;
	char *name;
	struct volume *volume;
	struct reservations *reservations;
	struct array_stats stats[ARRAY_PORTALS_MAX];
};

struct array_portal {
	struct array *array;
	unsigned index;
	bool refused;
	struct timer flap; /* armed: the portal changes sides when it is due */
	uint64_t down_us, up_us;
};

struct array {
	struct loop *control, *worker;
	struct target *target;
	char *iqn;

	/* worker */
	struct ports ports;
	struct array_lu **lus; /* ascending LUNs; constant */
	size_t lu_count;
	struct faults faults;

	/* control */
	struct array_portal portals[ARRAY_PORTALS_MAX];
	struct array_control *socket;
	void (*quit)(void *arg);
	void *arg;
	void (*drained)(void *arg);
	void *drained_arg;
};

/* NULL: no such LUN. Worker. */
struct array_lu *array_lu_find(const struct array *array, uint16_t lun);

/* Counts a command by its outcome, and ends it. Worker. */
void array_lu_end(struct array_lu *lu, struct scsi_cmd *cmd);

/* When the array's ports are known. */
struct reservations *array_reservations_create(struct array_lu *lu);

/* A session is over: what its nexus had reserved for as long as that ends. Control. */
void array_reservations_nexus_lost(struct array *array, const struct target_nexus *nexus);

/* Moves a target port group to a state and tells the hosts. Worker. */
void array_set_group(struct array *array, struct port_group *group, enum port_state state, enum port_reason reason,
		     uint32_t except);

/* Refuses or serves one portal; 0 or -errno. Control. */
int array_refuse(struct array *array, unsigned portal, bool refuse);

/* Down and up in turns, from now on; both 0: no more. Control. */
int array_flap(struct array *array, unsigned portal, uint64_t down_us, uint64_t up_us);

/* Does a piece of work with the words of a command; NULL or why it failed. */
typedef const char *array_work(struct array *array, char **words, size_t count, struct evbuffer *out);

/* Runs work on that loop, then done on the control loop; in the order of all calls for that loop. Takes line, whose
 * words from number `skip` on go to work. Control. */
void array_post(struct array *array, struct loop *loop, array_work *work, char *line, size_t skip, array_answer *done,
		void *arg);

#endif
