/*
 * Families of arrays that need nothing but other defaults: which policy suits them, and how long I/O is worth holding
 * when they have no path. How they answer is what the standards say.
 *
 * Source of the rows: the built-in hardware table of dm-multipath (multipath-tools, libmultipath/hwtable.c), which the
 * vendors keep. Of it: path_grouping_policy multibus is round-robin here, failover is fail-over-only; group_by_prio is
 * left to the gateway, which sees the ALUA states itself; no_path_retry N is N checks 5 s apart, and `queue` without an
 * end is HOLD_LONG here, since what is held is bounded anyway.
 */
#include "dsm/module.h"

#include <errno.h>
#include <string.h>

#define HOLD_LONG 300
#define CHECKS(n) (5 * (n))
#define ROUND_ROBIN "round-robin"
#define BY_STATE NULL /* the gateway's choice */

/* clang-format off */
/* FAMILY(vendor, product, policy, hold_s): prefixes as the array sends them; the first row that fits. */
#define FAMILY_TABLE(FAMILY)                                                                                           \
	FAMILY("3PARdata", "VV", BY_STATE, CHECKS(18))          /* 3PAR, Primera, Alletra 9000 */             \
	FAMILY("COMPELNT", "Compellent Vol", BY_STATE, HOLD_LONG) /* SC */                                    \
	FAMILY("DDN", "SAN DataDirector", ROUND_ROBIN, 0)                                                     \
	FAMILY("DDN", "EF3010", ROUND_ROBIN, CHECKS(30))                                                      \
	FAMILY("DataCore", "SANmelody", BY_STATE, HOLD_LONG)                                                  \
	FAMILY("DataCore", "Virtual Disk", BY_STATE, HOLD_LONG) /* SANsymphony */                             \
	FAMILY("DellEMC", "PowerStore", BY_STATE, CHECKS(3))                                                  \
	FAMILY("EMC", "Invista", ROUND_ROBIN, CHECKS(5))        /* VPLEX */                                   \
	FAMILY("EMC", "SYMMETRIX", ROUND_ROBIN, CHECKS(6))      /* DMX, VMAX, PowerMax */                     \
	FAMILY("FUJITSU", "ETERNUS_DX", BY_STATE, CHECKS(10))                                                 \
	FAMILY("HITACHI", "DF600F", ROUND_ROBIN, 0)             /* AMS 2000, HUS 100 */                       \
	FAMILY("HITACHI", "OPEN-", BY_STATE, CHECKS(10))        /* USP-V, VSP */                              \
	FAMILY("HP", "A6189A", ROUND_ROBIN, CHECKS(12))         /* VA 7400 */                                 \
	FAMILY("HP", "LOGICAL VOLUME", ROUND_ROBIN, CHECKS(12))                                               \
	FAMILY("HP", "MSA", BY_STATE, CHECKS(18))               /* MSA 1000 to 2070 */                        \
	FAMILY("HPE", "MSA", BY_STATE, CHECKS(18))                                                            \
	FAMILY("HUAWEI", "XSG1", BY_STATE, CHECKS(15))          /* OceanStor V3 to V6 */                      \
	FAMILY("IBM", "2105", ROUND_ROBIN, HOLD_LONG)           /* ESS */                                     \
	FAMILY("IBM", "2107900", BY_STATE, HOLD_LONG)           /* DS8000 */                                  \
	FAMILY("IBM", "2145", BY_STATE, HOLD_LONG)              /* SVC, Storwize, FlashSystem */              \
	FAMILY("IBM", "2810XIV", BY_STATE, HOLD_LONG)                                                         \
	FAMILY("IBM", "FlashSystem", ROUND_ROBIN, 0)            /* 710 to 900 */                              \
	FAMILY("KMNRIO", "K2", ROUND_ROBIN, 0)                                                                \
	FAMILY("KOVE", "XPD", ROUND_ROBIN, 0)                                                                 \
	FAMILY("LEFTHAND", "iSCSIDisk", BY_STATE, CHECKS(18))   /* StoreVirtual */                            \
	FAMILY("LIO-ORG", "", BY_STATE, CHECKS(12))             /* the Linux target */                        \
	FAMILY("NETAPP", "LUN", BY_STATE, HOLD_LONG)            /* ONTAP */                                   \
	FAMILY("NEXSAN", "NXS-B0", BY_STATE, CHECKS(15))        /* E-Series */                                \
	FAMILY("Nimble", "Server", BY_STATE, HOLD_LONG)         /* Alletra 5000, 6000 */                      \
	FAMILY("Promise", "VTrak", BY_STATE, CHECKS(30))                                                      \
	FAMILY("SGI", "TP9100", ROUND_ROBIN, 0)                                                               \
	FAMILY("SUN", "StorEdge 3", ROUND_ROBIN, 0)                                                           \
	FAMILY("SUN", "ZFS Storage", BY_STATE, CHECKS(30))                                                    \
	FAMILY("SolidFir", "SSD SAN", ROUND_ROBIN, CHECKS(24))                                                \
	FAMILY("TEGILE", "ZEBI-ISCSI", BY_STATE, CHECKS(10))    /* IntelliFlash */                            \
	FAMILY("VIOLIN", "CONCERTO ARRAY", ROUND_ROBIN, CHECKS(30))                                           \
	FAMILY("Vexata", "VX", ROUND_ROBIN, CHECKS(30))                                                       \
	FAMILY("XIOTECH", "ISE", ROUND_ROBIN, CHECKS(12))                                                     \
	FAMILY("XtremIO", "XtremApp", ROUND_ROBIN, 0)
/* clang-format on */

static const struct dsm_hardware hardware[] = {
#define FAMILY_HARDWARE(vendor, product, policy, hold_s) { vendor, product },
	FAMILY_TABLE(FAMILY_HARDWARE)
};

#define FAMILIES (sizeof(hardware) / sizeof(hardware[0]))

static const struct {
	const char *policy;
	uint32_t hold_s;
} defaults[FAMILIES] = {
#define FAMILY_DEFAULTS(vendor, product, policy, hold_s) { policy, hold_s },
	FAMILY_TABLE(FAMILY_DEFAULTS)
};

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int attach(void *ctx, const struct dsm_inquiry *inquiry, struct dsm_traits *traits)
{
	(void)ctx;
	for (size_t i = 0; i < FAMILIES; i++) {
		if (!begins_with(inquiry->vendor, hardware[i].vendor) ||
		    !begins_with(inquiry->product, hardware[i].product))
			continue;
		/* round robin over an array that turns out to be asymmetric would use the wrong half of it */
		traits->policy = inquiry->tpgs ? BY_STATE : defaults[i].policy;
		traits->hold_s = defaults[i].hold_s;
		return 0;
	}
	return -ENODEV;
}

const struct dsm_ops dsm_families = {
	.abi = DSM_ABI,
	.size = sizeof(struct dsm_ops),
	.name = "families",
	.summary = "known arrays with defaults of their own",
	.version = "1",
	.hardware = hardware,
	.hardware_count = FAMILIES,
	.attach = attach,
};
