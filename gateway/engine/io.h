/*
 * io.h - one host command in the multipath engine.
 *
 * The caller fills in the request, disk_submit() takes it, and done() gives it back exactly once, never inside
 * disk_submit(). In between it is on one list at most: a lane's waiting or fenced list, or a disk's held, delayed or
 * throttled ones; or in a lane's transfer slot. One worker's thread.
 */
#ifndef BRAID_IO_H
#define BRAID_IO_H

#include "gateway/base/clock.h"
#include "gateway/base/list.h"
#include "gateway/engine/command.h"
#include "gateway/engine/decision.h"
#include "target/scsi_cmd.h"

struct disk;
struct path;

enum io_place { IO_IDLE, IO_ON_LANE, IO_WAITING, IO_FENCED, IO_HELD, IO_DELAYED, IO_RECONCILING, IO_THROTTLED };

struct io {
	/* request; constant while submitted */
	uint8_t cdb[SCSI_CDB_MAX];
	uint8_t cdb_len;
	enum scsi_dir dir;
	uint8_t *data;
	uint32_t len; /* bytes of data to move over the wire at most */
	const struct command_info *info;
	uint32_t session_id; /* of the host: target_nexus.session_id */
	void (*done)(struct io *io);

	/* result */
	uint8_t status, sense_len;
	uint8_t sense[SCSI_SENSE_MAX];
	uint32_t transfer; /* as scsi_cmd.transfer */

	/* the engine's own */
	struct list link;
	enum io_place place;
	bool aborted; /* its host does not want it any more: no further attempt */
	bool tried_same; /* DSM_RETRY_SAME_ONCE: has had its second chance on the same path */
	bool failed_once; /* DSM_ONCE: has met such an error on one path already */
	unsigned conflicts; /* reservation conflicts, because the path's key was gone */
	unsigned retries; /* counted ones */
	uint64_t fenced_us; /* IO_FENCED: since when */
	uint64_t resets; /* IO_FENCED: of its logical unit that had begun by then */
	uint64_t uncounted_since_us; /* the first of the retries in a row that are bounded by time instead; 0: none */
	uint64_t uncounted_first_us; /* the first of them all; 0: none */
	unsigned losses; /* links that failed with it in flight */
	uint64_t first_loss_us;
	struct path *path; /* the one it is on, or was on last; NULL: none, or that is gone */
	struct disk *disk;
	struct timer timer; /* armed in IO_DELAYED only */
	void (*after)(struct io *io); /* what follows then */
	struct decision_trail trail;
};

#endif
