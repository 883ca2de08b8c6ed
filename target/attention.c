#include "target/attention.h"

#include <string.h>

#define ASC_POWER_ON_OR_RESET 0x2900

void attention_init(struct attentions *attentions)
{
	memset(attentions, 0, sizeof(*attentions));
	attention_establish(attentions, TARGET_ALL_LUNS, ASC_POWER_ON_OR_RESET);
}

static bool is_reset(scsi_asc asc)
{
	return asc >> 8 == 0x29;
}

static void queue_remove(scsi_asc *queue, unsigned at)
{
	memmove(&queue[at], &queue[at + 1], (ATTENTION_DEPTH - 1 - at) * sizeof(queue[0]));
	queue[ATTENTION_DEPTH - 1] = 0;
}

/* A reset stands first and makes older conditions moot (SAM-5 5.14); of two resets, the lower code says more
 * (29/00 covers all, SPC-4 table 48). What finds the queue full takes the place of the youngest. */
static void queue_add(scsi_asc *queue, scsi_asc asc)
{
	unsigned n = 0;

	if (is_reset(asc)) {
		if (is_reset(queue[0]) && queue[0] < asc)
			asc = queue[0];
		memset(queue, 0, ATTENTION_DEPTH * sizeof(queue[0]));
		queue[0] = asc;
		return;
	}
	while (n < ATTENTION_DEPTH && queue[n] && queue[n] != asc)
		n++;
	queue[n < ATTENTION_DEPTH ? n : ATTENTION_DEPTH - 1] = asc;
}

void attention_establish(struct attentions *attentions, uint16_t lun, scsi_asc asc)
{
	if (lun < TARGET_LUNS_MAX) {
		queue_add(attentions->queue[lun], asc);
		return;
	}
	for (unsigned i = 0; i < TARGET_LUNS_MAX; i++)
		queue_add(attentions->queue[i], asc);
}

scsi_asc attention_take(struct attentions *attentions, uint16_t lun)
{
	scsi_asc asc = attentions->queue[lun][0];

	if (asc)
		queue_remove(attentions->queue[lun], 0);
	return asc;
}

void attention_clear(struct attentions *attentions, scsi_asc asc)
{
	for (unsigned lun = 0; lun < TARGET_LUNS_MAX; lun++)
		for (unsigned i = 0; i < ATTENTION_DEPTH; i++)
			if (attentions->queue[lun][i] == asc)
				queue_remove(attentions->queue[lun], i);
}
