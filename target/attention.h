/*
 * attention.h - pending unit attentions of one I_T nexus, a short queue for every LUN (SAM-5 5.14). Worker thread.
 */
#ifndef BRAID_ATTENTION_H
#define BRAID_ATTENTION_H

#include "target/target.h"

#define ATTENTION_DEPTH 4

struct attentions {
	scsi_asc queue[TARGET_LUNS_MAX][ATTENTION_DEPTH]; /* 0: free */
};

/* Every LUN starts with 29/00: power on, reset, or bus device reset occurred. */
void attention_init(struct attentions *attentions);

/* lun may be TARGET_ALL_LUNS. */
void attention_establish(struct attentions *attentions, uint16_t lun, scsi_asc asc);

/* Takes the first one off; 0: none is pending. */
scsi_asc attention_take(struct attentions *attentions, uint16_t lun);

/* Clears one condition on all LUNs. */
void attention_clear(struct attentions *attentions, scsi_asc asc);

#endif
