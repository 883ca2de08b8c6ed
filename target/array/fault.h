/*
 * fault.h - what goes wrong in the array, on command.
 *
 * A rule says which commands it takes (portal, LUN, opcodes, how many) and what becomes of them. A command that is
 * taken has not been executed: one that hangs or is delayed lands on the medium only when it is released, which is the
 * late write that a gateway's fence has to stop. A task that is aborted or whose session ends while it is held is
 * dropped, unless its rule says late=1: then a copy of it lands even so, as in an array that forgets to abort; no
 * reservation stops it.
 *
 * One thread, the worker's.
 */
#ifndef BRAID_ARRAY_FAULT_H
#define BRAID_ARRAY_FAULT_H

#include "gateway/base/clock.h"
#include "gateway/base/list.h"
#include "target/scsi_cmd.h"

#include <event2/buffer.h>

struct fault_ops {
	/* Executes a command and ends it, now or later. */
	void (*run)(void *arg, struct scsi_cmd *cmd);
	/* Executes a copy, which nobody waits for; ends nothing. */
	void (*land)(void *arg, struct scsi_cmd *cmd);
	/* Wants that session ended, soon but not inside this call. */
	void (*end_session)(void *arg, uint32_t session_id);
};

struct faults {
	struct clock *clock;
	const struct fault_ops *ops;
	void *arg;
	struct list rules;
	struct list held; /* commands, and copies of aborted ones */
	unsigned next_id;
	uint64_t last_number;
	size_t copies;
};

/* Behind scsi_cmd.ctx of every command that goes through fault_take(). */
struct fault_hold {
	struct list link;
	struct timer timer;
	struct faults *faults;
	struct scsi_cmd *cmd;
	uint64_t number; /* in the order in which they were taken */
	unsigned rule;
	bool late;
	bool copy; /* nobody waits for it */
};

void faults_init(struct faults *faults, struct clock *clock, const struct fault_ops *ops, void *arg);
void faults_done(struct faults *faults); /* copies are freed; no command is held any more */

/* True: a rule has taken the command, and ends it sooner or later. */
bool fault_take(struct faults *faults, struct scsi_cmd *cmd);

/* Ends a held command without executing it, or leaves a copy of it behind. */
void fault_abort(struct scsi_cmd *cmd);

/* The same for all that `chosen` picks among those held at this moment; never a copy. */
typedef bool fault_choice(const struct fault_hold *hold, const void *arg);
void fault_abort_all(struct faults *faults, fault_choice *chosen, const void *arg);

/* words: portal=N lun=N opcode=0x2a[,0x8a...]|read|write count=N late=0|1 action=A, where A is delay:MS, hang, drop,
 * reject (iSCSI), error:KEY/ASC/ASCQ (hexadecimal) or
 * status:busy|task-set-full|reservation-conflict|task-aborted|aca-active. What is left out matches everything. NULL, or
 * what is wrong. *id gets the rule's number. */
const char *fault_add(struct faults *faults, char *const *words, size_t count, unsigned *id);

/* Lets held commands go, those of one rule or (0) all; returns how many. */
size_t fault_release(struct faults *faults, unsigned rule);

/* Removes one rule or (0) all; what they hold stays held. Returns how many. */
size_t fault_clear(struct faults *faults, unsigned rule);

/* One line a rule. */
void fault_print(const struct faults *faults, struct evbuffer *out);

#endif
