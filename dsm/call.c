#include "dsm/call.h"

#include "dsm/module.h"

#include <string.h>

#define GOOD 0x00
#define CHECK_CONDITION 0x02
#define KEY_NOT_READY 0x2
#define KEY_UNIT_ATTENTION 0x6
#define ASC_NOT_READY 0x04

#define MAINTENANCE_IN 0xa3 /* SPC-4 6.37 REPORT TARGET PORT GROUPS */
#define MAINTENANCE_OUT 0xa4 /* SPC-4 6.46 SET TARGET PORT GROUPS */
#define TARGET_PORT_GROUPS 0x0a
#define GROUP_BYTES 8 /* of a target port group descriptor before its ports, 4 each */
#define EXPLICIT_ALUA 2

void call_decode(uint8_t status, const uint8_t *sense, size_t sense_len, struct dsm_result *result)
{
	bool descriptor = sense_len && (sense[0] & 0x7e) == 0x72; /* SPC-4 4.5.2; 70h and 71h are fixed, 4.5.3 */
	size_t key = descriptor ? 1 : 2, asc = descriptor ? 2 : 12;

	memset(result, 0, sizeof(*result));
	result->status = status;
	result->sense = sense_len ? sense : NULL;
	result->sense_len = sense_len;
	if (status != CHECK_CONDITION || sense_len < 3)
		return;
	result->has_sense = true;
	result->sense_key = sense[key] & 0xf;
	if (sense_len >= asc + 2) {
		result->asc = sense[asc];
		result->ascq = sense[asc + 1];
	}
}

/* ---- verdicts ---------------------------------------------------------------------------------------------------- */

struct dsm_verdict call_interpret(const struct dsm_ops *ops, void *ctx, const struct dsm_path *path,
				  const struct dsm_result *result)
{
	struct dsm_verdict verdict = { .next = DSM_GENERIC };

	if (ops->interpret)
		verdict = ops->interpret(ctx, path, result);
	if ((unsigned)verdict.next >= DSM_GENERIC || (unsigned)verdict.path > DSM_PATH_TRANSITIONING)
		verdict = dsm_generic.interpret(NULL, path, result);
	return verdict;
}

/* ---- verification ------------------------------------------------------------------------------------------------ */

static enum dsm_verify verify_kind(const struct dsm_ops *ops, const struct dsm_path *path)
{
	if (ops->verify != DSM_VERIFY_DEFAULT)
		return ops->verify;
	return path->tpgs ? DSM_VERIFY_RTPG : DSM_VERIFY_TUR;
}

void call_verify(const struct dsm_ops *ops, const struct dsm_path *path, struct dsm_command *command)
{
	memset(command, 0, sizeof(*command));
	switch (verify_kind(ops, path)) {
	case DSM_VERIFY_OWN:
		*command = *ops->verify_command;
		break;
	case DSM_VERIFY_RTPG:
		command->cdb[0] = MAINTENANCE_IN;
		command->cdb[1] = TARGET_PORT_GROUPS;
		command->cdb[8] = DSM_DATA_MAX >> 8;
		command->cdb[9] = DSM_DATA_MAX & 0xff;
		command->cdb_len = 12;
		command->in_len = DSM_DATA_MAX;
		break;
	default: /* TEST UNIT READY is all zeros */
		command->cdb_len = 6;
	}
}

/* What the group's state in the answer means for a path of it (SPC-4 6.37, table 304). */
static enum dsm_health health_of_group(const struct dsm_path *path, const uint8_t *data, size_t len)
{
	size_t at = 4, end = len;

	if (len < 4)
		return DSM_HEALTH_FAILED;
	if ((((size_t)data[0] << 24) | data[1] << 16 | data[2] << 8 | data[3]) < len - 4)
		end = 4 + ((size_t)data[2] << 8 | data[3]); /* below len, so the high bytes are 0 */
	while (at + GROUP_BYTES <= end) {
		if ((data[at + 2] << 8 | data[at + 3]) == path->port_group) {
			switch (data[at] & 0xf) {
			case 0x0: /* active/optimized */
			case 0x1: /* active/non-optimized */
			case 0x4: /* logical block dependent */
				return DSM_HEALTH_ACTIVE;
			case 0xf: /* transitioning */
				return DSM_HEALTH_AGAIN;
			case 0x2: /* standby */
			case 0x3: /* unavailable */
				return DSM_HEALTH_PASSIVE;
			default:
				return DSM_HEALTH_FAILED;
			}
		}
		at += GROUP_BYTES + 4 * (size_t)data[at + 7];
	}
	return DSM_HEALTH_ACTIVE; /* it answers; which group the path is in is not known */
}

static enum dsm_health health_of(const struct dsm_ops *ops, const struct dsm_path *path,
				 const struct dsm_result *result)
{
	if (result->status == GOOD)
		return verify_kind(ops, path) == DSM_VERIFY_RTPG ? health_of_group(path, result->data, result->data_len)
								 : DSM_HEALTH_ACTIVE;
	if (!result->has_sense)
		return DSM_HEALTH_FAILED;
	if (result->sense_key == KEY_UNIT_ATTENTION)
		return DSM_HEALTH_AGAIN;
	if (result->sense_key != KEY_NOT_READY || result->asc != ASC_NOT_READY)
		return DSM_HEALTH_FAILED;
	switch (result->ascq) {
	case 0x01: /* becoming ready */
	case 0x0a: /* transitioning */
		return DSM_HEALTH_AGAIN;
	case 0x0b: /* standby */
	case 0x0c: /* unavailable */
		return DSM_HEALTH_PASSIVE;
	default:
		return DSM_HEALTH_FAILED;
	}
}

enum dsm_health call_judge(const struct dsm_ops *ops, void *ctx, const struct dsm_path *path,
			   const struct dsm_result *result)
{
	enum dsm_health health = ops->judge ? ops->judge(ctx, path, result) : DSM_HEALTH_DEFAULT;

	if (health == DSM_HEALTH_DEFAULT || (unsigned)health > DSM_HEALTH_FAILED)
		health = health_of(ops, path, result);
	return health;
}

/* ---- activation -------------------------------------------------------------------------------------------------- */

/* SET TARGET PORT GROUPS: the path's group becomes active/optimized; what that means for the others is the array's
 * decision (SPC-4 6.46). A unit attention is worth another try. */
static enum dsm_step set_group(const struct dsm_path *path, unsigned step, const struct dsm_result *previous,
			       struct dsm_command *command)
{
	if (!(path->tpgs & EXPLICIT_ALUA) || !path->port_group)
		return DSM_STEP_FAILED;
	if (step && previous->status == GOOD)
		return DSM_STEP_DONE;
	if (step && !(previous->has_sense && previous->sense_key == KEY_UNIT_ATTENTION))
		return DSM_STEP_FAILED;
	command->cdb[0] = MAINTENANCE_OUT;
	command->cdb[1] = TARGET_PORT_GROUPS;
	command->cdb[9] = 8; /* parameter list length */
	command->cdb_len = 12;
	command->out_len = 8;
	command->out[4] = 0x0; /* active/optimized */
	command->out[6] = (uint8_t)(path->port_group >> 8);
	command->out[7] = (uint8_t)path->port_group;
	return DSM_STEP_SEND;
}

static bool is_sound(const struct dsm_command *command)
{
	return (command->cdb_len == 6 || command->cdb_len == 10 || command->cdb_len == 12 || command->cdb_len == 16) &&
	       command->in_len <= DSM_DATA_MAX && command->out_len <= DSM_DATA_MAX &&
	       !(command->in_len && command->out_len);
}

enum dsm_step call_activate(const struct dsm_ops *ops, void *ctx, const struct dsm_path *path, unsigned step,
			    const struct dsm_result *previous, struct dsm_command *command)
{
	enum dsm_step next;

	memset(command, 0, sizeof(*command));
	if (step >= CALL_STEPS_MAX)
		return DSM_STEP_FAILED;
	next = ops->activate ? ops->activate(ctx, path, step, previous, command)
			     : set_group(path, step, previous, command);
	if ((unsigned)next > DSM_STEP_FAILED || (next == DSM_STEP_SEND && !is_sound(command)))
		return DSM_STEP_FAILED;
	return next;
}
