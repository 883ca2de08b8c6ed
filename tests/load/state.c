#include "tests/load/state.h"

#include "gateway/base/bytes.h"
#include "gateway/base/memory.h"

#include <errno.h>
#include <isa-l/crc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x42724c6453746131) /* "BrLdSta1" */
#define RUN_MAX 65536

/* A file with its running checksum; the first error sticks. */
struct stream {
	FILE *file;
	uint32_t crc;
	int error;
};

static void put_bytes(struct stream *stream, const void *data, size_t size)
{
	if (stream->error)
		return;
	stream->crc = crc32_iscsi((unsigned char *)(uintptr_t)data, (int)size, stream->crc);
	if (fwrite(data, 1, size, stream->file) != size)
		stream->error = -EIO;
}

static void put_number(struct stream *stream, uint64_t number)
{
	uint8_t bytes[8];

	put_be64(bytes, number);
	put_bytes(stream, bytes, sizeof(bytes));
}

static void get_bytes(struct stream *stream, void *data, size_t size)
{
	memset(data, 0, size);
	if (stream->error)
		return;
	if (fread(data, 1, size, stream->file) != size)
		stream->error = -EBADMSG;
	stream->crc = crc32_iscsi(data, (int)size, stream->crc);
}

static uint64_t get_number(struct stream *stream)
{
	uint8_t bytes[8];

	get_bytes(stream, bytes, sizeof(bytes));
	return get_be64(bytes);
}

static void put_runs(struct stream *stream, const struct model *model)
{
	uint64_t block = 0, length;

	while ((length = model_next_written(model, &block, RUN_MAX))) {
		put_number(stream, block);
		put_number(stream, length);
		for (uint64_t i = 0; i < length; i++)
			put_number(stream, model_generation(model, block + i));
		block += length;
	}
	put_number(stream, 0);
	put_number(stream, 0);
}

static void put_doubts(struct stream *stream, const struct model *model)
{
	uint64_t blocks = model_geometry(model)->blocks;

	for (uint64_t block = 0; block < blocks; block++) {
		unsigned count = model_unknown_count(model, block);

		for (unsigned i = 0; i < count; i++) {
			put_number(stream, block);
			put_number(stream, model_unknown_generation(model, block, i));
		}
	}
	put_number(stream, 0);
	put_number(stream, 0);
}

static void put_unit(struct stream *stream, const struct state_unit *unit)
{
	const struct model_geometry *geometry = model_geometry(unit->model);

	put_bytes(stream, unit->name, sizeof(unit->name));
	put_number(stream, geometry->first_lba);
	put_number(stream, geometry->blocks);
	put_number(stream, geometry->block_size);
	put_number(stream, model_identity(unit->model));
	put_number(stream, model_last_generation(unit->model));
	put_runs(stream, unit->model);
	put_doubts(stream, unit->model);
}

int state_save(const char *path, const struct state_unit *units, size_t count)
{
	char *temporary = xasprintf("%s.new", path);
	struct stream stream = { .file = fopen(temporary, "we"), .crc = UINT32_MAX };

	if (!stream.file) {
		stream.error = -errno;
		free(temporary);
		return stream.error;
	}
	put_number(&stream, MAGIC);
	put_number(&stream, count);
	for (size_t i = 0; i < count; i++)
		put_unit(&stream, &units[i]);
	put_number(&stream, stream.crc);
	if (fflush(stream.file) != 0 || fsync(fileno(stream.file)) != 0)
		stream.error = stream.error ? stream.error : -errno;
	if (fclose(stream.file) != 0 && !stream.error)
		stream.error = -errno;
	if (!stream.error && rename(temporary, path) != 0)
		stream.error = -errno;
	if (stream.error)
		unlink(temporary);
	free(temporary);
	return stream.error;
}

static void get_runs(struct stream *stream, struct model *model, uint64_t blocks)
{
	for (;;) {
		uint64_t block = get_number(stream), length = get_number(stream);

		if (!length || stream->error)
			return;
		if (length > RUN_MAX || block >= blocks || length > blocks - block) {
			stream->error = -EBADMSG;
			return;
		}
		for (uint64_t i = 0; i < length; i++)
			model_acknowledged(model, block + i, 1, get_number(stream));
	}
}

static void get_doubts(struct stream *stream, struct model *model, uint64_t blocks)
{
	for (;;) {
		uint64_t block = get_number(stream), generation = get_number(stream);

		if (!generation || stream->error)
			return;
		if (block >= blocks) {
			stream->error = -EBADMSG;
			return;
		}
		model_unknown(model, block, 1, generation);
	}
}

/* unit->model stays NULL when the head of the unit is no good. */
static void get_unit(struct stream *stream, struct state_unit *unit)
{
	struct model_geometry geometry;
	uint64_t identity, counter, block_size;

	get_bytes(stream, unit->name, sizeof(unit->name));
	geometry.first_lba = get_number(stream);
	geometry.blocks = get_number(stream);
	block_size = get_number(stream);
	identity = get_number(stream);
	counter = get_number(stream);
	if (!stream->error && (geometry.blocks > MODEL_BLOCKS_MAX || block_size < BLOCK_SIZE_MIN ||
			       block_size > 65536 || unit->name[sizeof(unit->name) - 1]))
		stream->error = -EBADMSG;
	if (stream->error)
		return;
	geometry.block_size = (uint32_t)block_size;
	unit->model = model_create(&geometry, identity);
	model_set_last_generation(unit->model, counter);
	get_runs(stream, unit->model, geometry.blocks);
	get_doubts(stream, unit->model, geometry.blocks);
}

int state_load(const char *path, struct state_unit *units)
{
	struct stream stream = { .file = fopen(path, "re"), .crc = UINT32_MAX };
	uint64_t count;
	uint32_t crc;

	if (!stream.file)
		return -errno;
	memset(units, 0, STATE_UNITS_MAX * sizeof(*units));
	if (get_number(&stream) != MAGIC)
		stream.error = -EBADMSG;
	count = get_number(&stream);
	if (count > STATE_UNITS_MAX)
		stream.error = -EBADMSG;
	for (uint64_t i = 0; i < count && !stream.error; i++)
		get_unit(&stream, &units[i]);
	crc = stream.crc;
	if (!stream.error && get_number(&stream) != crc)
		stream.error = stream.error ? stream.error : -EBADMSG;
	fclose(stream.file);
	if (!stream.error)
		return (int)count;
	for (size_t i = 0; i < STATE_UNITS_MAX; i++)
		model_destroy(units[i].model);
	return stream.error;
}
