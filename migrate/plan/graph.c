/* graph.c: builds the graph: names become indexes, and who follows whom is known from both ends. (order.c puts
 * revisions in their one order, walk.c answers questions about a graph that was built.)
 *
 * Names are looked up by binary search in lists sorted once. Neighbours are kept as lists in one array each, turned
 * round twice to come out in order and without repetition. */
#include "plan/order.h"

#include "base/text.h"

#include <stdlib.h>

/* --- sorted names --- */

/* A name's first eight bytes as a number that sorts as they do: most comparisons end there, without a look at the name.
 */
static uint64_t key_of(const char *name)
{
    uint64_t key = 0;
    for (unsigned i = 0; i < 8; i++) {
        key = key << 8 | (unsigned char)*name;
        name += *name != '\0';
    }
    return key;
}

struct named {
    uint64_t key;
    const char *name;
    size_t index;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return strcmp(x->name, y->name);
}

static struct named named(const char *name, size_t index)
{
    return (struct named){.key = key_of(name), .name = name, .index = index};
}

static const char *id_at(const struct graph *graph, size_t place)
{
    return graph->revisions[graph->by_id[place]].id;
}

static const char *label_at(const struct graph *graph, size_t place)
{
    return graph->label_names[place];
}

/* The first place among `count` sorted names that is not below `name`. */
static size_t place_of(const struct graph *graph, const char *(*name_at)(const struct graph *, size_t),
                       const uint64_t *keys, size_t count, const char *name)
{
    uint64_t key = key_of(name);
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (keys[middle] < key || (keys[middle] == key && strcmp(name_at(graph, middle), name) < 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t id_place(const struct graph *graph, const char *name)
{
    return place_of(graph, id_at, graph->id_keys, graph->count, name);
}

static size_t label_place(const struct graph *graph, const char *name)
{
    return place_of(graph, label_at, graph->label_keys, graph->label_count, name);
}

size_t graph_find(const struct graph *graph, const char *id)
{
    size_t place = id_place(graph, id);
    return place < graph->count && strcmp(id_at(graph, place), id) == 0 ? graph->by_id[place] : (size_t)GRAPH_NONE;
}

size_t graph_find_label(const struct graph *graph, const char *label)
{
    size_t place = label_place(graph, label);
    bool found = place < graph->label_count && strcmp(label_at(graph, place), label) == 0;
    return found ? graph->by_label[place] : (size_t)GRAPH_NONE;
}

struct indexes graph_prefixed(const struct graph *graph, const char *prefix, struct arena *arena)
{
    size_t length = strlen(prefix);
    struct index_set set = index_set_new(graph->count, arena);
    for (size_t i = id_place(graph, prefix); i < graph->count && strncmp(id_at(graph, i), prefix, length) == 0; i++)
        index_set_add(&set, graph->by_id[i]);
    for (size_t i = label_place(graph, prefix);
         i < graph->label_count && strncmp(label_at(graph, i), prefix, length) == 0; i++)
        index_set_add(&set, graph->by_label[i]);
    return graph_sorted(graph, &set, arena);
}

bool revision_fault(const struct revision *revision, unsigned line, struct error *err)
{
    error_place(err, revision->path ? revision->path : "", line, 0);
    return error_revision(err, revision->id);
}

static bool index_ids(struct graph *graph, struct arena *arena, struct error *err)
{
    struct named *sorted = ARENA_ARRAY(arena, graph->count, struct named);
    for (size_t i = 0; i < graph->count; i++)
        sorted[i] = named(graph->revisions[i].id, i);
    if (graph->count)
        qsort(sorted, graph->count, sizeof *sorted, by_name);

    size_t *by_id = ARENA_ARRAY(arena, graph->count, size_t);
    uint64_t *keys = ARENA_ARRAY(arena, graph->count, uint64_t);
    for (size_t i = 0; i < graph->count; i++) {
        by_id[i] = sorted[i].index;
        keys[i] = sorted[i].key;
        if (i == 0 || strcmp(sorted[i - 1].name, sorted[i].name) != 0)
            continue;
        const struct revision *one = &graph->revisions[sorted[i - 1].index], *other = &graph->revisions[by_id[i]];
        error_set(err, MIGRATE_DUPLICATE, "revision id %s stands in two files: %s and %s", one->id,
                  one->path ? one->path : "?", other->path ? other->path : "?");
        error_hint(err, "Give one of them another Revision ID, or delete the copy.");
        return revision_fault(other, other->id_line, err);
    }
    graph->by_id = by_id;
    graph->id_keys = keys;
    return true;
}

static bool label_taken(const struct revision *revision, const char *label, const struct revision *other,
                        struct error *err)
{
    error_set(err, MIGRATE_DUPLICATE, "branch label \"%s\" of revision %s is also %s%s", label, revision->id,
              strcmp(other->id, label) == 0 ? "the id of a revision" : "a label of revision ",
              strcmp(other->id, label) == 0 ? "" : other->id);
    error_hint(err, "A label names one branch; give one of the two another name.");
    return revision_fault(revision, revision->labels_line, err);
}

static bool index_labels(struct graph *graph, struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < graph->count; i++)
        graph->label_count += graph->revisions[i].labels.count;
    struct named *sorted = ARENA_ARRAY(arena, graph->label_count, struct named);
    for (size_t i = 0, used = 0; i < graph->count; i++)
        for (size_t j = 0; j < graph->revisions[i].labels.count; j++)
            sorted[used++] = named(graph->revisions[i].labels.items[j], i);
    if (graph->label_count)
        qsort(sorted, graph->label_count, sizeof *sorted, by_name);

    size_t *by_label = ARENA_ARRAY(arena, graph->label_count, size_t);
    const char **names = ARENA_ARRAY(arena, graph->label_count, const char *);
    uint64_t *keys = ARENA_ARRAY(arena, graph->label_count, uint64_t);
    for (size_t i = 0; i < graph->label_count; i++) {
        by_label[i] = sorted[i].index;
        names[i] = sorted[i].name;
        keys[i] = sorted[i].key;
        const struct revision *revision = &graph->revisions[by_label[i]];
        if (i > 0 && strcmp(names[i - 1], names[i]) == 0)
            return label_taken(revision, names[i], &graph->revisions[by_label[i - 1]], err);
        size_t same = graph_find(graph, names[i]);
        if (same != (size_t)GRAPH_NONE)
            return label_taken(revision, names[i], &graph->revisions[same], err);
    }
    graph->by_label = by_label;
    graph->label_names = names;
    graph->label_keys = keys;
    return true;
}

/* --- lists of neighbours --- */

/* Empty lists, list i with room for sizes[i]. */
static struct lists lists_new(const size_t *sizes, size_t count, struct arena *arena)
{
    struct lists lists = {.count = count};
    lists.start = ARENA_ARRAY(arena, count, size_t);
    lists.used = ARENA_ARRAY(arena, count, size_t);
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        lists.start[i] = total;
        total += sizes[i];
    }
    lists.flat = ARENA_ARRAY(arena, total, size_t);
    return lists;
}

/* Where i had j, j has i. The new lists are in the order given (NULL: by index), and say nothing twice. */
static struct lists turned(const struct lists *lists, const size_t *order, struct arena *arena)
{
    size_t *sizes = ARENA_ARRAY(arena, lists->count, size_t);
    for (size_t i = 0; i < lists->count; i++)
        for (size_t k = 0; k < lists->used[i]; k++)
            sizes[lists->flat[lists->start[i] + k]]++;
    struct lists result = lists_new(sizes, lists->count, arena);
    for (size_t turn = 0; turn < lists->count; turn++) {
        size_t i = order ? order[turn] : turn;
        for (size_t k = 0; k < lists->used[i]; k++) {
            size_t j = lists->flat[lists->start[i] + k];
            size_t end = result.start[j] + result.used[j];
            if (result.used[j] && result.flat[end - 1] == i)
                continue;
            result.flat[end] = i;
            result.used[j]++;
        }
    }
    return result;
}

static const struct indexes *published(const struct lists *lists, struct arena *arena)
{
    struct indexes *result = ARENA_ARRAY(arena, lists->count, struct indexes);
    for (size_t i = 0; i < lists->count; i++)
        result[i] = (struct indexes){.items = lists->flat + lists->start[i], .count = lists->used[i]};
    return result;
}

/* --- from names to indexes --- */

static bool missing(const struct graph *graph, const struct revision *revision, const char *name, bool is_dependency,
                    struct arena *arena, struct error *err)
{
    struct name_list known = {0};
    for (size_t i = 0; i < graph->count; i++)
        if (&graph->revisions[i] != revision)
            ARENA_PUSH(arena, &known, graph->revisions[i].id);
    for (size_t i = 0; is_dependency && i < graph->label_count; i++)
        ARENA_PUSH(arena, &known, graph->label_names[i]);
    const char *closest = text_closest(name, names_of(&known));
    error_set(err, MIGRATE_MISSING_PARENT, "revision %s %s %s, which no file has", revision->id,
              is_dependency ? "depends on" : "revises", name);
    if (!is_dependency && graph_find_label(graph, name) != (size_t)GRAPH_NONE)
        error_hint(err, "\"%s\" is a branch label; Revises takes ids: write %s.", name,
                   graph->revisions[graph_find_label(graph, name)].id);
    else if (closest)
        error_hint(err, "Did you mean %s? Otherwise bring the missing file back.", closest);
    else
        error_hint(err, "Bring the missing file back, or correct the line.");
    return revision_fault(revision, is_dependency ? revision->depends_line : revision->down_line, err);
}

/* What each revision revises (or depends on), as its file lists it. */
static bool read_links(const struct graph *graph, bool dependencies, struct arena *arena, struct lists *links,
                       struct error *err)
{
    size_t *sizes = ARENA_ARRAY(arena, graph->count, size_t);
    for (size_t i = 0; i < graph->count; i++)
        sizes[i] = dependencies ? graph->revisions[i].depends.count : graph->revisions[i].down.count;
    *links = lists_new(sizes, graph->count, arena);
    for (size_t i = 0; i < graph->count; i++) {
        const struct revision *revision = &graph->revisions[i];
        const struct names *names = dependencies ? &revision->depends : &revision->down;
        for (size_t k = 0; k < names->count; k++) {
            size_t found = graph_find(graph, names->items[k]);
            if (found == (size_t)GRAPH_NONE && dependencies)
                found = graph_find_label(graph, names->items[k]);
            if (found == (size_t)GRAPH_NONE)
                return missing(graph, revision, names->items[k], dependencies, arena, err);
            links->flat[links->start[i] + links->used[i]++] = found;
        }
    }
    return true;
}

/* --- branches --- */

static size_t label_words(const struct graph *graph)
{
    return (graph->label_count + 63) / 64;
}

static void unite(uint64_t *into, const uint64_t *from, size_t words)
{
    for (size_t w = 0; w < words; w++)
        into[w] |= from[w];
}

/* A label covers its revision, all that descends from it, and what is below it up to where the line forks or joins. */
static void cover_with_labels(struct graph *graph, struct arena *arena)
{
    size_t words = label_words(graph);
    uint64_t *below = ARENA_ARRAY(arena, graph->count * words, uint64_t);
    uint64_t *labels = ARENA_ARRAY(arena, graph->count * words, uint64_t);
    for (size_t i = 0; i < graph->label_count; i++) {
        labels[graph->by_label[i] * words + i / 64] |= UINT64_C(1) << (i % 64);
        below[graph->by_label[i] * words + i / 64] |= UINT64_C(1) << (i % 64);
    }
    for (size_t rank = graph->count; words && rank-- > 0;) {
        size_t index = graph->order[rank];
        if (graph_is_branch_point(graph, index) || graph_is_merge_point(graph, index))
            memset(below + index * words, 0, words * sizeof *below);
        else if (graph->children[index].count)
            unite(below + index * words, below + graph->children[index].items[0] * words, words);
    }
    for (size_t rank = 0; rank < graph->count; rank++) {
        size_t index = graph->order[rank];
        for (size_t k = 0; k < graph->down[index].count; k++)
            unite(labels + index * words, labels + graph->down[index].items[k] * words, words);
    }
    if (words)
        unite(labels, below, graph->count * words);
    graph->branch_bits = labels;
}

struct names graph_branches(const struct graph *graph, size_t index, struct arena *arena)
{
    struct name_list names = {0};
    const uint64_t *bits = graph->branch_bits + index * label_words(graph);
    for (size_t i = 0; i < graph->label_count; i++)
        if (bits[i / 64] >> (i % 64) & 1)
            ARENA_PUSH(arena, &names, graph->label_names[i]);
    return names_of(&names);
}

/* --- building --- */

static bool connect(struct graph *graph, struct arena *arena, struct error *err)
{
    struct lists down, depends;
    if (!read_links(graph, false, arena, &down, err) || !read_links(graph, true, arena, &depends, err))
        return false;
    struct lists children = turned(&down, NULL, arena), needed_by = turned(&depends, NULL, arena);
    const struct links links = {&down, &depends, &children, &needed_by};
    size_t *order = ARENA_ARRAY(arena, graph->count, size_t);
    size_t *rank = ARENA_ARRAY(arena, graph->count, size_t);
    if (!order_revisions(graph, &links, order, arena, err))
        return false;
    for (size_t i = 0; i < graph->count; i++)
        rank[order[i]] = i;
    graph->order = order;
    graph->rank = rank;

    children = turned(&down, order, arena);
    needed_by = turned(&depends, order, arena);
    down = turned(&children, order, arena);
    depends = turned(&needed_by, order, arena);
    graph->down = published(&down, arena);
    graph->depends = published(&depends, arena);
    graph->children = published(&children, arena);
    graph->needed_by = published(&needed_by, arena);
    return true;
}

bool graph_build(const struct revision *revisions, size_t count, struct arena *arena, struct graph *graph,
                 struct error *err)
{
    struct graph built = {.revisions = revisions, .count = count};
    if (!index_ids(&built, arena, err) || !index_labels(&built, arena, err) || !connect(&built, arena, err))
        return false;
    cover_with_labels(&built, arena);
    *graph = built;
    return true;
}
