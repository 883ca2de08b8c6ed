/* Levels of settings in control.h: what is in force at each, and what the API changes there. */
#include "gateway/base/memory.h"
#include "gateway/dsm_table.h"
#include "gateway/gateway.h"
#include "gateway/levels.h"
#include "gateway/persist.h"

#include <stdlib.h>
#include <string.h>

/* ---- views ------------------------------------------------------------------------------------------------------- */

void control_gateway_level(struct gateway *gateway, struct level_view *view)
{
	*view = (struct level_view){ .loaded = true };
	levels_timers(gateway, NULL, NULL, view->timers);
}

static bool is_loaded(const struct gateway *gateway, const char *dsm)
{
	const struct dsm_entry *entry;

	list_for_each(entry, &gateway->dsms->entries, link)
		if (entry->ops.name && strcmp(entry->ops.name, dsm) == 0)
			return true;
	return false;
}

struct level_walk {
	struct gateway *gateway;
	bool (*fn)(const struct level_view *view, void *arg);
	void *arg;
	const char **seen;
	size_t count;
	bool ended;
};

/* One DSM, once. */
static void walk_dsm(struct level_walk *walk, const char *name)
{
	struct level_view view = { .name = name, .loaded = is_loaded(walk->gateway, name) };

	for (size_t i = 0; i < walk->count; i++)
		if (strcmp(walk->seen[i], name) == 0)
			return;
	walk->seen[walk->count++] = name;
	levels_timers(walk->gateway, NULL, name, view.timers);
	walk->ended = walk->ended || !walk->fn(&view, walk->arg);
}

static size_t count_list(const struct list *head)
{
	size_t count = 0;

	for (const struct list *link = head->next; link != head; link = link->next)
		count++;
	return count;
}

void control_each_level(struct gateway *gateway, bool (*fn)(const struct level_view *view, void *arg), void *arg)
{
	size_t most =
		count_list(&gateway->dsms->entries) + gateway->live->dsm_timer_count + count_list(&gateway->levels);
	struct level_walk walk = { gateway, fn, arg, xcalloc(most + 1, sizeof(char *)), 0, false };
	const struct dsm_entry *entry;
	const struct level *level;

	list_for_each(entry, &gateway->dsms->entries, link)
		if (entry->ops.name)
			walk_dsm(&walk, entry->ops.name);
	for (size_t i = 0; i < gateway->live->dsm_timer_count; i++)
		walk_dsm(&walk, gateway->live->dsm_timers[i].key);
	list_for_each(level, &gateway->levels, link)
		walk_dsm(&walk, level->name);
	free(walk.seen);
}

/* ---- changes ----------------------------------------------------------------------------------------------------- */

/* The level's settings; NULL: there is no such level, which problem says. *made gets a level that is new. */
static struct settings *settings_of(struct gateway *gateway, enum level_kind kind, const char *name,
				    struct level **made, struct problem *problem)
{
	struct device *device;
	struct level *level;

	*made = NULL;
	if (kind == LEVEL_GATEWAY)
		return &gateway->settings;
	if (kind == LEVEL_DEVICE) {
		device = gateway_device(gateway, name);
		if (!device)
			problem_set(problem, 404, "", "No such device", "there is no device \"%s\"", name);
		return device ? &device->own : NULL;
	}
	level = levels_find(gateway, name);
	if (!level && !is_loaded(gateway, name)) {
		problem_set(problem, 404, "", "No such DSM", "there is no module \"%s\"", name);
		return NULL;
	}
	if (!level)
		level = *made = levels_add(gateway, name);
	return &level->settings;
}

static void change_timers(struct timers_level *timers, const struct level_change *change)
{
	for (enum timer_id id = 0; id < TIMER_COUNT; id++)
		if (change->timers.set >> id & 1)
			*timers_at(&timers->values, id) = timers_get(&change->timers.values, id);
	timers->set = (timers->set | change->timers.set) & ~change->timers_cleared;
}

/* The whole text of what was asked for, for the journal. */
static void describe(const struct level_change *change, char *text, size_t size)
{
	size_t len = 0;

	*text = '\0';
	for (enum timer_id id = 0; id < TIMER_COUNT && len < size; id++) {
		const char *name = timer_table[id].name;

		if (change->timers_cleared >> id & 1)
			len += (size_t)snprintf(text + len, size - len, "%s%s cleared", len ? ", " : "", name);
		else if (change->timers.set >> id & 1)
			len += (size_t)snprintf(text + len, size - len, "%s%s %u", len ? ", " : "", name,
						timers_get(&change->timers.values, id));
	}
}

int control_change_level(struct gateway *gateway, enum level_kind kind, const char *name,
			 const struct level_change *change, struct problem *problem)
{
	struct level *made, *level;
	struct settings *settings = settings_of(gateway, kind, name, &made, problem), old;
	char text[400];

	if (!settings)
		return -1;
	old = *settings;
	change_timers(&settings->timers, change);
	if (persist_save(gateway) < 0) {
		*settings = old;
		if (made)
			levels_drop(made);
		return problem_unsaved(problem);
	}
	levels_apply_timers(gateway);
	describe(change, text, sizeof(text));
	if (*text)
		journal_add(gateway->journal, "info", "timers-changed", kind == LEVEL_GATEWAY ? NULL : name, "%s",
			    text);
	level = kind == LEVEL_DSM ? levels_find(gateway, name) : NULL;
	if (level && !level->settings.timers.set)
		levels_drop(level);
	return 0;
}
