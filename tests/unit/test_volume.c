/* The volume, one CDB at a time: what it answers, what it refuses and with which sense, what reaches the store. */
#include "gateway/base/bytes.h"
#include "target/array/volume.h"
#include "tests/unit/unit.h"

#include <string.h>

#define BLOCKS 2048u
#define BLOCK 512u
#define ROOM (128u << 10)

static struct ports ports;
static struct target_nexus nexus;
static struct scsi_cmd cmd;
static uint8_t data[ROOM];
static scsi_asc attention;
static uint32_t spared;

/* volume_lu() is the only way to it, and is not used here. */
void scsi_cmd_done(struct scsi_cmd *ended)
{
	(void)ended;
	fail();
}

static void on_attention(void *arg, scsi_asc asc, uint32_t except)
{
	(void)arg;
	attention = asc;
	spared = except;
}

static void on_set_group(void *arg, uint16_t group, enum port_state to, uint32_t except)
{
	(void)arg;
	(void)except;
	ports_group(&ports, group)->state = to;
}

static struct volume *create(uint32_t block, uint64_t bytes, bool thick)
{
	struct store *store = store_ram_create(bytes);
	const struct volume_config config = {
		.store = store,
		.ports = &ports,
		.target_name = "iqn.2026-11.org.example:unit",
		.block_size = block,
		.transfer_bytes = 64 << 10,
		.vendor = "BRAID",
		.product = "RAM-DISK",
		.serial = "SERIAL-0",
		.id = { 0x1122334455667788, 0x99aabbccddeeff00 },
		.thick = thick,
		.attention = on_attention,
		.set_group = on_set_group,
	};

	struct volume *volume = volume_create(&config);

	if (!volume)
		store_destroy(store);
	return volume;
}

static int setup(void **state)
{
	memset(&ports, 0, sizeof(ports));
	ports.tpgs = TPGS_BOTH;
	ports_add(&ports, 1, 10);
	ports_add(&ports, 2, 20);
	nexus = (struct target_nexus){ .session_id = 7, .portal = 1, .tpgt = 2 };
	attention = 0;
	*state = create(BLOCK, BLOCKS * BLOCK, false);
	return *state == NULL;
}

static int teardown(void **state)
{
	volume_destroy(*state);
	return 0;
}

/* Runs a CDB; `data` goes out or comes in. */
static uint8_t run(struct volume *volume, const uint8_t *cdb, enum scsi_dir dir, uint32_t expected)
{
	cmd = (struct scsi_cmd){ .dir = dir, .expected = expected, .nexus = &nexus, .data = data, .capacity = ROOM };
	memcpy(cmd.cdb, cdb, SCSI_CDB_MAX);
	cmd.cdb_len = (uint8_t)scsi_cdb_len(cdb[0]);
	if (dir == SCSI_DIR_IN)
		memset(data, 0xee, expected);
	volume_execute(volume, &cmd);
	return cmd.status;
}

#define CDB(...) ((const uint8_t[SCSI_CDB_MAX]){ __VA_ARGS__ })
#define IN(volume, bytes, ...) run(volume, CDB(__VA_ARGS__), SCSI_DIR_IN, bytes)
#define OUT(volume, bytes, ...) run(volume, CDB(__VA_ARGS__), SCSI_DIR_OUT, bytes)
#define NONE(volume, ...) run(volume, CDB(__VA_ARGS__), SCSI_DIR_NONE, 0)

static void assert_sense(enum sense_key key, scsi_asc asc)
{
	assert_int_equal(cmd.status, SCSI_CHECK_CONDITION);
	assert_int_equal(cmd.sense[2], key);
	assert_int_equal(get_be16(cmd.sense + 12), asc);
}

static void assert_refused(unsigned byte)
{
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x2400);
	assert_int_equal(get_be16(cmd.sense + 16), byte);
}

static void test_inquiry(void **state)
{
	assert_int_equal(IN(*state, 255, 0x12, 0, 0, 0, 255), SCSI_GOOD);
	assert_int_equal(cmd.transfer, 96);
	assert_memory_equal(data + 8, "BRAID   RAM-DISK        ", 24);
	assert_int_equal(data[2], 6);
	assert_int_equal(data[4], 91);
	assert_int_equal(data[5] & 0x30, 0x30); /* TPGS */
	assert_int_equal(data[7], 0x02);
	IN(*state, 5, 0x12, 0, 0, 0, 5);
	assert_int_equal(cmd.transfer, 5);
	assert_int_equal(data[4], 91); /* the length of all, not of what fits */
	IN(*state, 255, 0x12, 0, 0x83, 0, 255);
	assert_refused(2);
	IN(*state, 255, 0x12, 1, 0x82, 0, 255);
	assert_refused(2);
	IN(*state, 255, 0x12, 2, 0, 0, 255); /* CMDDT is obsolete */
	assert_refused(1);
}

/* The page is whole, and every supported page can be read. */
static void test_vpd(void **state)
{
	uint8_t codes[16];
	size_t count;

	assert_int_equal(IN(*state, 255, 0x12, 1, 0, 0, 255), SCSI_GOOD);
	count = get_be16(data + 2);
	assert_true(count <= sizeof(codes));
	memcpy(codes, data + 4, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(IN(*state, 4096, 0x12, 1, codes[i], 0x10, 0), SCSI_GOOD);
		assert_int_equal(data[1], codes[i]);
		assert_int_equal(cmd.transfer, get_be16(data + 2) + 4);
		if (i)
			assert_true(codes[i] > codes[i - 1]);
	}
	IN(*state, 255, 0x12, 1, 0x80, 0, 255);
	assert_memory_equal(data + 4, "SERIAL-0", 8);
	IN(*state, 255, 0x12, 1, 0xb0, 0, 255);
	assert_int_equal(get_be32(data + 8), (64 << 10) / BLOCK);
	IN(*state, 255, 0x12, 1, 0xb2, 0, 255);
	assert_int_equal(data[5], 0xe4);
}

/* Finds a designator; its length, or 0. */
static size_t designator(unsigned association, unsigned type, const uint8_t **value)
{
	const uint8_t *p = data + 4, *end = p + get_be16(data + 2);

	for (; p < end; p += 4 + p[3]) {
		if ((p[1] >> 4 & 3) == association && (p[1] & 0x0f) == type) {
			*value = p + 4;
			return p[3];
		}
	}
	assert_ptr_equal(p, end);
	return 0;
}

static void test_identification(void **state)
{
	const uint8_t *value;

	IN(*state, 1024, 0x12, 1, 0x83, 4, 0);
	assert_int_equal(designator(0, 3, &value), 16);
	assert_int_equal(value[0] >> 4, 6);
	assert_int_equal(get_be64(value) & 0xfffffffff, 0x1122334455667788 & 0xfffffffff);
	assert_int_equal(get_be64(value + 8), 0x99aabbccddeeff00);
	assert_int_equal(designator(0, 1, &value), 24 + 8);
	assert_int_equal(designator(1, 4, &value), 4);
	assert_int_equal(get_be16(value + 2), 2);
	assert_int_equal(designator(1, 5, &value), 4);
	assert_int_equal(get_be16(value + 2), 20);
	assert_int_equal(designator(1, 8, &value), 40);
	assert_string_equal(value, "iqn.2026-11.org.example:unit,t,0x0002");
	assert_int_equal(designator(2, 8, &value), 32);
	assert_string_equal(value, "iqn.2026-11.org.example:unit");
	IN(*state, 1024, 0x12, 1, 0x88, 4, 0);
	assert_int_equal(get_be16(data + 4 + 2), 1);
	assert_int_equal(get_be16(data + 2), 2 * (12 + 4 + 40));
}

static void test_capacity(void **state)
{
	IN(*state, 8, 0x25);
	assert_int_equal(get_be32(data), BLOCKS - 1);
	assert_int_equal(get_be32(data + 4), BLOCK);
	IN(*state, 32, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32);
	assert_int_equal(get_be64(data), BLOCKS - 1);
	assert_int_equal(data[14], 0xc0);
	IN(*state, 32, 0x9e, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32); /* no such service action */
	assert_refused(1);
}

/* One write and one read of every CDB length meet each other. */
static void test_read_write(void **state)
{
	static const struct {
		uint8_t write[SCSI_CDB_MAX], read[SCSI_CDB_MAX];
	} pairs[] = {
		{ { 0x0a, 0, 1, 2, 3 }, { 0x08, 0, 1, 2, 3 } },
		{ { 0x2a, 0x18, 0, 0, 1, 2, 0, 0, 3 }, { 0x28, 0x08, 0, 0, 1, 2, 0, 0, 3 } },
		{ { 0xaa, 0, 0, 0, 1, 2, 0, 0, 0, 3 }, { 0xa8, 0, 0, 0, 1, 2, 0, 0, 0, 3 } },
		{ { 0x8a, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3 }, { 0x88, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3 } },
		{ { 0x2e, 0x02, 0, 0, 1, 2, 0, 0, 3 }, { 0x28, 0, 0, 0, 1, 2, 0, 0, 3 } },
		{ { 0xae, 0, 0, 0, 1, 2, 0, 0, 0, 3 }, { 0xa8, 0, 0, 0, 1, 2, 0, 0, 0, 3 } },
		{ { 0x8e, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3 }, { 0x88, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3 } },
	};

	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		memset(data, (int)i + 1, 3 * BLOCK);
		assert_int_equal(run(*state, pairs[i].write, SCSI_DIR_OUT, 3 * BLOCK), SCSI_GOOD);
		assert_int_equal(cmd.transfer, 3 * BLOCK);
		assert_int_equal(run(*state, pairs[i].read, SCSI_DIR_IN, 3 * BLOCK), SCSI_GOOD);
		assert_int_equal(cmd.transfer, 3 * BLOCK);
		for (size_t j = 0; j < 3 * BLOCK; j++)
			assert_int_equal(data[j], i + 1);
	}
	IN(*state, 256 * BLOCK, 0x08, 0, 0, 0, 0); /* 0 is 256, which is more than the limit here */
	assert_refused(4);
}

/* Fewer bytes expected than the CDB asks for: only those are touched, and the transfer tells. */
static void test_residuals(void **state)
{
	memset(data, 0xaa, 2 * BLOCK);
	OUT(*state, 2 * BLOCK, 0x2a, 0, 0, 0, 0, 0, 0, 0, 2);
	memset(data, 0xbb, 2 * BLOCK);
	assert_int_equal(OUT(*state, 100, 0x2a, 0, 0, 0, 0, 0, 0, 0, 2), SCSI_GOOD);
	assert_int_equal(cmd.transfer, 2 * BLOCK);
	assert_int_equal(NONE(*state, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1), SCSI_GOOD);
	assert_int_equal(cmd.transfer, BLOCK);
	assert_int_equal(IN(*state, 101, 0x28, 0, 0, 0, 0, 0, 0, 0, 2), SCSI_GOOD);
	assert_int_equal(cmd.transfer, 2 * BLOCK);
	assert_int_equal(data[99], 0xbb);
	assert_int_equal(data[100], 0xaa);
	IN(*state, BLOCK, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1); /* a write flagged as a read must not write the buffer */
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x0e03);
}

static void test_range(void **state)
{
	static const uint8_t beyond[][SCSI_CDB_MAX] = {
		{ 0x08, 0, 0x08, 0, 1 },
		{ 0x28, 0, 0, 0, 0x07, 0xff, 0, 0, 2 },
		{ 0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0 },
		{ 0x88, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1 },
		{ 0x8a, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1 },
		{ 0xa8, 0, 0, 0, 0x08, 0x01, 0, 0, 0, 0 },
		{ 0x2f, 0, 0, 0, 0x08, 0, 0, 0, 1 },
		{ 0x35, 0, 0, 0, 0x08, 0x01, 0, 0, 0 },
		{ 0x93, 0, 0, 0, 0, 0, 0, 0, 0x08, 0, 0, 0, 0, 1 },
		{ 0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0x08, 0, 0, 0, 0, 24 },
		{ 0x89, 0, 0, 0, 0, 0, 0, 0, 0x08, 0, 0, 0, 0, 1 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(beyond); i++) {
		run(*state, beyond[i], SCSI_DIR_NONE, 0);
		assert_sense(SENSE_ILLEGAL_REQUEST, 0x2100);
	}
	assert_int_equal(NONE(*state, 0x28, 0, 0, 0, 0x08, 0, 0, 0, 0), SCSI_GOOD); /* nothing, at the very end */
	IN(*state, ROOM, 0x28, 0, 0, 0, 0, 0, 0, 0, 129);
	assert_refused(7);
}

static void test_reserved_bits(void **state)
{
	static const struct {
		uint8_t cdb[SCSI_CDB_MAX], byte;
	} cases[] = {
		{ { 0x28, 0x20, 0, 0, 0, 0, 0, 0, 1 }, 1 }, /* RDPROTECT */
		{ { 0x2a, 0x20, 0, 0, 0, 0, 0, 0, 1 }, 1 }, /* WRPROTECT */
		{ { 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0x04 }, 9 }, /* NACA */
		{ { 0x42, 0x01 }, 1 }, /* ANCHOR */
		{ { 0x93, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 1 },
		{ { 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1 }, 12 },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		run(*state, cases[i].cdb, SCSI_DIR_NONE, 0);
		assert_refused(cases[i].byte);
	}
	NONE(*state, 0x5e, 0);
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x2000);
	NONE(*state, 0xff, 0);
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x2000);
}

static void write_pattern(struct volume *volume, uint8_t blocks)
{
	for (size_t i = 0; i < blocks * BLOCK; i++)
		data[i] = (uint8_t)(i / BLOCK);
	assert_int_equal(OUT(volume, blocks * BLOCK, 0x2a, 0, 0, 0, 0, 0, 0, 0, blocks), SCSI_GOOD);
}

static void test_verify(void **state)
{
	write_pattern(*state, 4);
	assert_int_equal(OUT(*state, 4 * BLOCK, 0x2f, 0x02, 0, 0, 0, 0, 0, 0, 4), SCSI_GOOD);
	data[3 * BLOCK + 5]++;
	OUT(*state, 4 * BLOCK, 0x2f, 0x02, 0, 0, 0, 0, 0, 0, 4);
	assert_sense(SENSE_MISCOMPARE, 0x1d00);
	assert_int_equal(cmd.sense[0], 0xf0);
	assert_int_equal(get_be32(cmd.sense + 3), 3 * BLOCK + 5);
	assert_int_equal(NONE(*state, 0x2f, 0, 0, 0, 0, 0, 0, 0, 4), SCSI_GOOD);
	memset(data, 1, BLOCK);
	assert_int_equal(OUT(*state, BLOCK, 0x2f, 0x06, 0, 0, 0, 1, 0, 0, 1), SCSI_GOOD);
	assert_int_equal(cmd.transfer, BLOCK);
	OUT(*state, BLOCK, 0x2f, 0x06, 0, 0, 0, 1, 0, 0, 2);
	assert_sense(SENSE_MISCOMPARE, 0x1d00);
	assert_int_equal(get_be32(cmd.sense + 3), BLOCK);
	OUT(*state, BLOCK, 0x2f, 0x04, 0, 0, 0, 0, 0, 0, 1);
	assert_refused(1);
	OUT(*state, BLOCK, 0x2f, 0x02, 0, 0, 0, 0, 0, 0, 2);
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x0e03);
}

static void test_compare_write(void **state)
{
	write_pattern(*state, 2);
	memset(data + 2 * BLOCK, 0x99, 2 * BLOCK);
	data[BLOCK + 9] = 0;
	OUT(*state, 4 * BLOCK, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
	assert_sense(SENSE_MISCOMPARE, 0x1d00);
	assert_int_equal(get_be32(cmd.sense + 3), BLOCK + 9);
	data[BLOCK + 9] = 1;
	OUT(*state, 3 * BLOCK, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
	assert_refused(13);
	assert_int_equal(OUT(*state, 4 * BLOCK, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2), SCSI_GOOD);
	assert_int_equal(cmd.transfer, 4 * BLOCK);
	IN(*state, 2 * BLOCK, 0x28, 0, 0, 0, 0, 0, 0, 0, 2);
	assert_int_equal(data[0], 0x99);
	assert_int_equal(data[2 * BLOCK - 1], 0x99);
}

static void test_orwrite(void **state)
{
	memset(data, 0x0f, BLOCK);
	OUT(*state, BLOCK, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	memset(data, 0x30, BLOCK);
	assert_int_equal(OUT(*state, BLOCK, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), SCSI_GOOD);
	IN(*state, BLOCK, 0x28, 0, 0, 0, 0, 0, 0, 0, 1);
	assert_int_equal(data[BLOCK - 1], 0x3f);
}

static bool is_mapped(struct volume *volume, uint8_t lba, uint32_t *blocks)
{
	assert_int_equal(IN(volume, 24, 0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, lba, 0, 0, 0, 24), SCSI_GOOD);
	assert_int_equal(get_be64(data + 8), lba);
	*blocks = get_be32(data + 16);
	return data[20] == 0;
}

static void put_unmap(uint32_t lba, uint32_t blocks)
{
	memset(data, 0, 24);
	put_be16(data, 22);
	put_be16(data + 2, 16);
	put_be32(data + 12, lba);
	put_be32(data + 16, blocks);
}

static void test_unmap(void **state)
{
	uint32_t blocks;

	write_pattern(*state, 8);
	put_unmap(2, 3);
	assert_int_equal(OUT(*state, 24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24), SCSI_GOOD);
	assert_true(is_mapped(*state, 0, &blocks));
	assert_int_equal(blocks, 2);
	assert_false(is_mapped(*state, 2, &blocks));
	assert_int_equal(blocks, 3);
	IN(*state, BLOCK, 0x28, 0, 0, 0, 0, 4, 0, 0, 1);
	assert_int_equal(data[0], 0);
	put_unmap(BLOCKS - 1, 2);
	OUT(*state, 24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24);
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x2100);
	OUT(*state, 7, 0x42, 0, 0, 0, 0, 0, 0, 0, 7);
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x1a00);
	OUT(*state, 16, 0x42, 0, 0, 0, 0, 0, 0, 0, 24);
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x0e03);
	assert_int_equal(NONE(*state, 0x42), SCSI_GOOD);
	put_unmap(0, 8); /* descriptor length larger than the list: what is there counts */
	put_be16(data + 2, 0xffff);
	assert_int_equal(OUT(*state, 24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24), SCSI_GOOD);
	assert_false(is_mapped(*state, 0, &blocks));
}

static void test_write_same(void **state)
{
	uint32_t blocks;

	memset(data, 0xcd, BLOCK);
	assert_int_equal(OUT(*state, BLOCK, 0x41, 0x08, 0, 0, 0, 0, 0, 0, 200), SCSI_GOOD);
	assert_int_equal(cmd.transfer, BLOCK);
	assert_true(is_mapped(*state, 0, &blocks)); /* not zeros: written, although UNMAP is set */
	IN(*state, BLOCK, 0x28, 0, 0, 0, 0, 199, 0, 0, 1);
	assert_int_equal(data[BLOCK - 1], 0xcd);
	assert_int_equal(NONE(*state, 0x93, 0x09, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 5), SCSI_GOOD); /* NDOB */
	assert_false(is_mapped(*state, 10, &blocks));
	assert_int_equal(blocks, 5);
	NONE(*state, 0x93, 0x01, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 5);
	assert_true(is_mapped(*state, 20, &blocks));
	IN(*state, BLOCK, 0x28, 0, 0, 0, 0, 20, 0, 0, 1);
	assert_int_equal(data[0], 0);
	OUT(*state, BLOCK, 0x41, 0, 0, 0, 0, 0, 0, 0, 0); /* WSNZ */
	assert_refused(7);
}

static void test_thick(void **state)
{
	struct volume *volume = create(4096, 1 << 20, true);

	(void)state;
	NONE(volume, 0x42);
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x2000);
	NONE(volume, 0x93, 0x09, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
	assert_refused(1);
	IN(volume, 32, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32);
	assert_int_equal(data[14], 0);
	assert_int_equal(get_be32(data + 8), 4096);
	IN(volume, 8, 0xa3, 0x0c, 1, 0x42, 0, 0, 0, 0, 0, 8);
	assert_int_equal(data[1], 1); /* not supported */
	volume_destroy(volume);
	assert_null(create(1024, 1 << 20, false));
}

static void test_mode(void **state)
{
	uint8_t list[24] = { 0 };

	assert_int_equal(IN(*state, 255, 0x1a, 0, 0x3f, 0, 255), SCSI_GOOD);
	assert_int_equal(cmd.transfer, data[0] + 1);
	assert_int_equal(cmd.transfer, 4 + 8 + 12 + 20 + 12 + 12);
	assert_int_equal(data[2], 0x10);
	assert_int_equal(get_be24(data + 9), BLOCK);
	IN(*state, 255, 0x5a, 0x18, 0x08, 0, 0, 0, 0, 0, 255);
	assert_int_equal(get_be16(data), cmd.transfer - 2);
	assert_int_equal(data[8 + 2], 0x04); /* WCE */
	IN(*state, 255, 0x1a, 0x08, 0x48, 0, 255);
	assert_int_equal(data[4 + 2], 0x04); /* changeable */
	assert_int_equal(data[4 + 3], 0x00);
	IN(*state, 255, 0x1a, 0, 0xc8, 0, 255);
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x3900);
	IN(*state, 255, 0x1a, 0, 0x02, 0, 255);
	assert_refused(2);
	list[4] = 0x0a; /* SWP */
	list[5] = 10;
	list[8] = 0x08;
	memcpy(data, list, sizeof(list));
	assert_int_equal(OUT(*state, 16, 0x15, 0x10, 0, 0, 16), SCSI_GOOD);
	assert_int_equal(attention, 0x2a01);
	assert_int_equal(spared, 7);
	NONE(*state, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	assert_sense(SENSE_DATA_PROTECT, 0x2700);
	list[6] = 0x04; /* D_SENSE cannot be changed, and then nothing is */
	list[8] = 0;
	memcpy(data, list, sizeof(list));
	OUT(*state, 16, 0x15, 0x10, 0, 0, 16);
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x2600);
	NONE(*state, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1);
	assert_sense(SENSE_DATA_PROTECT, 0x2700);
	OUT(*state, 15, 0x15, 0x10, 0, 0, 15); /* a page that is cut off */
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x2600);
	OUT(*state, 2, 0x15, 0x10, 0, 0, 2);
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x1a00);
	OUT(*state, 16, 0x15, 0, 0, 0, 16); /* PF */
	assert_refused(1);
}

/* What MODE SENSE says, block descriptor and all, can be given back to MODE SELECT. */
static void test_mode_round_trip(void **state)
{
	IN(*state, 255, 0x5a, 0x10, 0x3f, 0, 0, 0, 0, 0, 255);
	assert_int_equal(get_be16(data + 6), 16);
	assert_int_equal(OUT(*state, cmd.transfer, 0x55, 0x10, 0, 0, 0, 0, 0, 0, (uint8_t)cmd.transfer), SCSI_GOOD);
	assert_int_equal(attention, 0);
	data[8 + 15]++; /* another block length */
	OUT(*state, 100, 0x55, 0x10, 0, 0, 0, 0, 0, 0, 80);
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x2600);
}

static void test_stopped(void **state)
{
	assert_int_equal(NONE(*state, 0x1b, 0, 0, 0, 0), SCSI_GOOD);
	NONE(*state, 0x00);
	assert_sense(SENSE_NOT_READY, 0x0402);
	NONE(*state, 0x28);
	assert_sense(SENSE_NOT_READY, 0x0402);
	IN(*state, 18, 0x03, 0, 0, 0, 18);
	assert_int_equal(data[2], SENSE_NOT_READY);
	assert_int_equal(get_be16(data + 12), 0x0402);
	assert_int_equal(IN(*state, 96, 0x12, 0, 0, 0, 96), SCSI_GOOD);
	assert_int_equal(NONE(*state, 0x1b, 0, 0, 0, 1), SCSI_GOOD);
	assert_int_equal(NONE(*state, 0x00), SCSI_GOOD);
}

static void test_port_states(void **state)
{
	struct port_group *group = ports_group(&ports, 20);

	group->state = PORT_STANDBY;
	NONE(*state, 0x00);
	assert_sense(SENSE_NOT_READY, 0x040b);
	assert_int_equal(IN(*state, 255, 0x1a, 0, 0x3f, 0, 255), SCSI_GOOD);
	group->state = PORT_UNAVAILABLE;
	IN(*state, 255, 0x1a, 0, 0x3f, 0, 255);
	assert_sense(SENSE_NOT_READY, 0x040c);
	group->state = PORT_TRANSITIONING;
	NONE(*state, 0x00);
	assert_sense(SENSE_NOT_READY, 0x040a);
	assert_int_equal(IN(*state, 96, 0x12, 0, 0, 0, 96), SCSI_GOOD);
	nexus.portal = 0; /* the other group's port is as before */
	assert_int_equal(NONE(*state, 0x00), SCSI_GOOD);
}

static void test_groups(void **state)
{
	ports_group(&ports, 20)->state = PORT_STANDBY;
	ports_group(&ports, 20)->preferred = true;
	ports.transition_s = 9;
	assert_int_equal(IN(*state, 255, 0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 0, 255), SCSI_GOOD);
	assert_int_equal(get_be32(data), 2 * 12);
	assert_int_equal(get_be16(data + 4 + 2), 10);
	assert_int_equal(data[4 + 12], 0x80 | PORT_STANDBY);
	assert_int_equal(get_be16(data + 4 + 12 + 8 + 2), 2);
	IN(*state, 255, 0xa3, 0x2a, 0, 0, 0, 0, 0, 0, 0, 255); /* extended header */
	assert_int_equal(get_be32(data), 4 + 2 * 12);
	assert_int_equal(data[4], 0x10);
	assert_int_equal(data[5], 9);
	memset(data, 0, 12);
	put_be16(data + 6, 20);
	put_be16(data + 10, 10);
	data[8] = PORT_NONOPTIMIZED;
	assert_int_equal(OUT(*state, 12, 0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, 12), SCSI_GOOD);
	assert_int_equal(ports_group(&ports, 20)->state, PORT_OPTIMIZED);
	assert_int_equal(ports_group(&ports, 10)->state, PORT_NONOPTIMIZED);
	put_be16(data + 10, 11);
	OUT(*state, 12, 0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, 12);
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x2600);
	ports.tpgs = TPGS_IMPLICIT;
	OUT(*state, 12, 0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, 12);
	assert_sense(SENSE_ILLEGAL_REQUEST, 0x2000);
}

/* Every command that is listed is described as well, and the description fits its CDB. */
static void test_opcodes(void **state)
{
	uint8_t list[2048];
	size_t len;

	assert_int_equal(IN(*state, 4096, 0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0x10, 0), SCSI_GOOD);
	len = get_be32(data) + 4;
	assert_int_equal(len, cmd.transfer);
	memcpy(list, data, len);
	for (const uint8_t *p = list + 4; p < list + len; p += 8) {
		bool action = p[5] & 1;

		IN(*state, 64, 0xa3, 0x0c, action ? 2 : 1, p[0], p[2], p[3], 0, 0, 0, 64);
		assert_int_equal(data[1], 3);
		assert_int_equal(data[4], p[0]);
		assert_int_equal(get_be16(data + 2), get_be16(p + 6));
		assert_int_equal(cmd.transfer, 4 + get_be16(data + 2));
		if (action)
			assert_int_equal(data[5] & 0x1f, p[3]);
		IN(*state, 64, 0xa3, 0x0c, action ? 1 : 2, p[0], p[2], p[3], 0, 0, 0, 64);
		assert_sense(SENSE_ILLEGAL_REQUEST, 0x2400);
		IN(*state, 64, 0xa3, 0x0c, 0x83, p[0], p[2], p[3], 0, 0, 0, 64);
		assert_int_equal(data[1], 0x83);
		assert_int_equal(cmd.transfer, 4 + get_be16(data + 2) + 12);
	}
	IN(*state, 64, 0xa3, 0x0c, 1, 0x5e, 0, 0, 0, 0, 0, 64);
	assert_int_equal(data[1], 1);
}

static void test_resize(void **state)
{
	assert_int_equal(volume_resize(*state, 100), -22);
	assert_int_equal(volume_resize(*state, 4096 * BLOCK), 0);
	assert_int_equal(attention, 0x2a09);
	IN(*state, 8, 0x25);
	assert_int_equal(get_be32(data), 4095);
}

static void test_small_commands(void **state)
{
	assert_int_equal(IN(*state, 64, 0x4d, 0, 0x40, 0, 0, 0, 0, 0, 64), SCSI_GOOD);
	assert_int_equal(get_be16(data + 2), 2);
	assert_int_equal(IN(*state, 64, 0x4d, 0, 0x6f, 0, 0, 0, 0, 0, 64), SCSI_GOOD);
	IN(*state, 64, 0x4d, 0, 0x6e, 0, 0, 0, 0, 0, 64);
	assert_refused(2);
	assert_int_equal(IN(*state, 16, 0xa3, 0x0d, 0x80, 0, 0, 0, 0, 0, 0, 16), SCSI_GOOD);
	assert_int_equal(cmd.transfer, 16);
	assert_int_equal(IN(*state, 8, 0x37, 0, 0x1d, 0, 0, 0, 0, 0, 8), SCSI_GOOD);
	assert_int_equal(data[1], 0x1d);
	assert_int_equal(NONE(*state, 0x1d, 0x04), SCSI_GOOD);
	assert_int_equal(NONE(*state, 0x1e, 0, 0, 0, 1), SCSI_GOOD);
	assert_int_equal(NONE(*state, 0x35), SCSI_GOOD);
	assert_int_equal(NONE(*state, 0x34), SCSI_GOOD);
}

int main(void)
{
#define VOLUME_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		VOLUME_TEST(test_inquiry),         VOLUME_TEST(test_vpd),           VOLUME_TEST(test_identification),
		VOLUME_TEST(test_capacity),        VOLUME_TEST(test_read_write),    VOLUME_TEST(test_residuals),
		VOLUME_TEST(test_range),           VOLUME_TEST(test_reserved_bits), VOLUME_TEST(test_verify),
		VOLUME_TEST(test_compare_write),   VOLUME_TEST(test_orwrite),       VOLUME_TEST(test_unmap),
		VOLUME_TEST(test_write_same),      VOLUME_TEST(test_thick),         VOLUME_TEST(test_mode),
		VOLUME_TEST(test_mode_round_trip), VOLUME_TEST(test_stopped),       VOLUME_TEST(test_port_states),
		VOLUME_TEST(test_groups),          VOLUME_TEST(test_opcodes),       VOLUME_TEST(test_resize),
		VOLUME_TEST(test_small_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
