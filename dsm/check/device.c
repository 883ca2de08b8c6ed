#include "dsm/check/device.h"

#include "dsm/check/guard.h"

#include <stdio.h>
#include <string.h>

static void put_padded(uint8_t *out, size_t len, const char *text)
{
	memset(out, ' ', len);
	memcpy(out, text, strnlen(text, len));
}

/* SPC-4 6.4.2; one NAA designator of the LU, one relative port and one group of the port (7.8.6). */
static void fill_bytes(const struct profile *profile, uint8_t standard[DEVICE_STANDARD_LEN],
		       uint8_t vpd83[DEVICE_VPD83_LEN])
{
	static const uint8_t page[DEVICE_VPD83_LEN] = {
		0, 0x83, 0, 36, 1,    0x03, 0, 16, 0x60, 0, 0, 0, 0,    0,    0, 1, 0, 0, 0, 0,
		0, 0,    0, 1,  0x51, 0x94, 0, 4,  0,    0, 0, 1, 0x51, 0x95, 0, 4, 0, 0, 0, 1,
	};

	memset(standard, 0, DEVICE_STANDARD_LEN);
	standard[2] = 6; /* SPC-4 */
	standard[3] = 2;
	standard[4] = DEVICE_STANDARD_LEN - 5;
	standard[5] = (uint8_t)(profile->tpgs << 4);
	standard[7] = 2; /* CMDQUE */
	put_padded(standard + 8, 8, profile->vendor);
	put_padded(standard + 16, 16, profile->product);
	put_padded(standard + 32, 4, profile->revision);
	memcpy(vpd83, page, sizeof(page));
}

void device_inquiry(const struct profile *profile, size_t standard_len, size_t vpd83_len, struct dsm_inquiry *inquiry)
{
	uint8_t standard[DEVICE_STANDARD_LEN], vpd83[DEVICE_VPD83_LEN];

	fill_bytes(profile, standard, vpd83);
	*inquiry = (struct dsm_inquiry){
		.standard = guard_copy(standard, standard_len),
		.standard_len = standard_len,
		.vpd83 = vpd83_len ? guard_copy(vpd83, vpd83_len) : NULL,
		.vpd83_len = vpd83_len,
		.tpgs = profile->tpgs,
	};
	memcpy(inquiry->vendor, profile->vendor, sizeof(inquiry->vendor));
	memcpy(inquiry->product, profile->product, sizeof(inquiry->product));
	memcpy(inquiry->revision, profile->revision, sizeof(inquiry->revision));
}

bool device_matches(const struct dsm_ops *ops, const struct profile *profile)
{
	struct dsm_inquiry inquiry;

	device_inquiry(profile, DEVICE_STANDARD_LEN, DEVICE_VPD83_LEN, &inquiry);
	return module_matches(ops, &inquiry);
}

int device_attach(struct device *device, const struct subject *subject)
{
	struct dsm_inquiry inquiry;

	memset(device, 0, sizeof(*device));
	device->ops = subject->ops;
	device->ctx = subject->ops->ctx_bytes ? guard_alloc((subject->ops->ctx_bytes + 15) & ~(size_t)15) : NULL;
	for (unsigned i = 0; i < DEVICE_PATHS; i++)
		device->paths[i] = (struct dsm_path){
			.index = i,
			.lun = 5,
			.target = DEVICE_TARGET,
			.portal_group = (uint16_t)(1 + i / 2),
			.port_group = subject->profile.tpgs ? (uint16_t)(1 + i / 2) : 0,
			.tpgs = subject->profile.tpgs,
		};
	if (!subject->ops->attach)
		return 0;
	device_inquiry(&subject->profile, DEVICE_STANDARD_LEN, DEVICE_VPD83_LEN, &inquiry);
	return subject->ops->attach(device->ctx, &inquiry, &device->traits);
}

void device_detach(struct device *device)
{
	if (device->ops->detach)
		device->ops->detach(device->ctx);
}
