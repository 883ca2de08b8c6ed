#include "unit.h"

#include "target/keys.h"

#include <errno.h>
#include <string.h>

struct side {
	struct params params;
	struct text answer;
};

static struct side *side_of(void **state)
{
	struct side *side = *state;

	keys_defaults(&side->params);
	text_clear(&side->answer);
	return side;
}

/* Offers one key; the answer must be exactly `expected` ("" for none). */
static void offer(struct side *side, const char *name, const char *value, bool discovery, const char *expected)
{
	char copy[256];
	struct key_offer key = { name, copy, KEYS_LOGIN, discovery };

	strcpy(copy, value);
	text_clear(&side->answer);
	side->params.seen = 0;
	assert_int_equal(keys_negotiate(&side->params, &key, &side->answer), 0);
	text_gather(&side->answer, NULL, 0);
	assert_string_equal(side->answer.len ? side->answer.bytes : "", expected);
}

static void numbers_follow_their_rule(void **state)
{
	struct side *side = side_of(state);

	offer(side, "MaxBurstLength", "16776192", false, "MaxBurstLength=1048576");
	assert_int_equal(side->params.value[KEY_MAX_BURST], 1048576);
	offer(side, "MaxBurstLength", "0x1000", false, "MaxBurstLength=4096");
	offer(side, "MaxConnections", "8", false, "MaxConnections=1");
	offer(side, "MaxOutstandingR2T", "16", false, "MaxOutstandingR2T=8");
	offer(side, "ErrorRecoveryLevel", "2", false, "ErrorRecoveryLevel=0");
	offer(side, "DefaultTime2Wait", "7", false, "DefaultTime2Wait=7");
	offer(side, "DefaultTime2Retain", "20", false, "DefaultTime2Retain=0");
	offer(side, "iSCSIProtocolLevel", "2", false, "iSCSIProtocolLevel=1");
}

static void numbers_out_of_range_are_rejected(void **state)
{
	struct side *side = side_of(state);
	static const char *const bad[] = { "511", "16777216", "-1", "", "0x", "4096 ", "1e3", "99999999999999999999" };

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		offer(side, "MaxBurstLength", bad[i], false, "MaxBurstLength=Reject");
	assert_int_equal(side->params.value[KEY_MAX_BURST], 262144);
	offer(side, "MaxRecvDataSegmentLength", "0", false, "MaxRecvDataSegmentLength=Reject");
	assert_int_equal(side->params.value[KEY_MAX_RECV], 8192);
}

static void declarations_have_no_answer(void **state)
{
	struct side *side = side_of(state);

	offer(side, "MaxRecvDataSegmentLength", "65536", false, "");
	assert_int_equal(side->params.value[KEY_MAX_RECV], 65536);
	offer(side, "InitiatorAlias", "somebody", false, "");
}

static void booleans_follow_their_rule(void **state)
{
	struct side *side = side_of(state);

	offer(side, "InitialR2T", "No", false, "InitialR2T=No");
	offer(side, "InitialR2T", "Yes", false, "InitialR2T=Yes");
	offer(side, "ImmediateData", "No", false, "ImmediateData=No");
	offer(side, "ImmediateData", "Yes", false, "ImmediateData=Yes");
	offer(side, "DataPDUInOrder", "No", false, "DataPDUInOrder=Yes");
	offer(side, "DataSequenceInOrder", "No", false, "DataSequenceInOrder=Yes");
	offer(side, "ImmediateData", "maybe", false, "ImmediateData=Reject");
}

static void lists_take_the_first_that_we_have(void **state)
{
	struct side *side = side_of(state);

	offer(side, "HeaderDigest", "CRC32C,None", false, "HeaderDigest=CRC32C");
	assert_int_equal(side->params.value[KEY_HEADER_DIGEST], DIGEST_CRC32C);
	offer(side, "HeaderDigest", "X-mine,None,CRC32C", false, "HeaderDigest=None");
	assert_int_equal(side->params.value[KEY_HEADER_DIGEST], DIGEST_NONE);
	offer(side, "DataDigest", "X-mine", false, "DataDigest=Reject");
	offer(side, "TaskReporting", "FastAbort,RFC3720", false, "TaskReporting=RFC3720");
	offer(side, "HeaderDigest", "CRC32C,None", true, "HeaderDigest=None");
}

static void obsolete_and_unknown_keys(void **state)
{
	struct side *side = side_of(state);

	offer(side, "IFMarker", "Yes", false, "IFMarker=No");
	offer(side, "OFMarker", "No", false, "OFMarker=No");
	offer(side, "OFMarkInt", "2048~65535", false, "OFMarkInt=Reject");
	offer(side, "X-org.example.key", "1", false, "X-org.example.key=NotUnderstood");
	offer(side, "TargetAddress", "1.2.3.4", false, "TargetAddress=Reject");
}

static void session_keys_are_irrelevant_in_discovery(void **state)
{
	struct side *side = side_of(state);

	offer(side, "MaxBurstLength", "4096", true, "MaxBurstLength=Irrelevant");
	offer(side, "InitialR2T", "No", true, "InitialR2T=Irrelevant");
	offer(side, "MaxConnections", "2", true, "MaxConnections=Irrelevant");
	offer(side, "MaxRecvDataSegmentLength", "512", true, "");
}

static void a_key_comes_once(void **state)
{
	struct side *side = side_of(state);
	char value[] = "Yes";
	struct key_offer key = { "ImmediateData", value, KEYS_LOGIN, false };

	assert_int_equal(keys_negotiate(&side->params, &key, &side->answer), 0);
	assert_int_equal(keys_negotiate(&side->params, &key, &side->answer), -EPROTO);
}

static void first_burst_fits_into_max_burst(void **state)
{
	struct side *side = side_of(state);

	offer(side, "MaxBurstLength", "8192", false, "MaxBurstLength=8192");
	keys_settle(&side->params);
	assert_int_equal(side->params.value[KEY_FIRST_BURST], 8192);
}

static void text_is_split_and_bounded(void **state)
{
	struct side *side = side_of(state);
	struct text *text = &side->answer;
	const char *key;
	char *value;
	size_t pos = 0;

	text_gather(text, (const uint8_t *)"a=1\0\0b=", 7);
	text_gather(text, (const uint8_t *)"x=y", 3);
	assert_int_equal(text_next(text, &pos, &key, &value), 1);
	assert_string_equal(key, "a");
	assert_string_equal(value, "1");
	assert_int_equal(text_next(text, &pos, &key, &value), 1);
	assert_string_equal(key, "b");
	assert_string_equal(value, "x=y");
	assert_int_equal(text_next(text, &pos, &key, &value), 0);

	text_clear(text);
	pos = 0;
	text_gather(text, (const uint8_t *)"=1", 2);
	assert_int_equal(text_next(text, &pos, &key, &value), -EINVAL);
	text_clear(text);
	while (!text->overflow)
		text_add(text, "key", "value");
	assert_true(text->len <= TEXT_MAX);
}

static int setup(void **state)
{
	*state = test_calloc(1, sizeof(struct side));
	return 0;
}

static int teardown(void **state)
{
	test_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_follow_their_rule),
		cmocka_unit_test(numbers_out_of_range_are_rejected),
		cmocka_unit_test(declarations_have_no_answer),
		cmocka_unit_test(booleans_follow_their_rule),
		cmocka_unit_test(lists_take_the_first_that_we_have),
		cmocka_unit_test(obsolete_and_unknown_keys),
		cmocka_unit_test(session_keys_are_irrelevant_in_discovery),
		cmocka_unit_test(a_key_comes_once),
		cmocka_unit_test(first_burst_fits_into_max_burst),
		cmocka_unit_test(text_is_split_and_bounded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
