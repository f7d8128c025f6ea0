/* url.c: taking URLs apart.
 *
 * People paste passwords into URLs as they are. RFC 3986 and libpq then see the login's end, the path or the query in
 * the wrong place; SQLAlchemy, which reads the same variable in the application, does not. So the login ends at the
 * last @ before the path, and where there is none and the hosts make no sense, at the next @ there is. */
#include "database/url.h"

static struct text from(struct text text, size_t offset)
{
    return (struct text){.at = text.at + offset, .length = text.length - offset};
}

static struct text before(struct text text, size_t offset)
{
    return (struct text){.at = text.at, .length = offset};
}

/* Offset of the first of these characters, or the length. */
static size_t first_of(struct text text, const char *characters)
{
    size_t at = 0;
    while (at < text.length && (text.at[at] == '\0' || !strchr(characters, text.at[at])))
        at++;
    return at;
}

/* Offset of the last such character, or the length. */
static size_t last_of(struct text text, char character)
{
    const char *found = text.length ? memrchr(text.at, character, text.length) : NULL;
    return found ? (size_t)(found - text.at) : text.length;
}

static bool is_scheme(struct text text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (text.length == 0 || !strchr(letters, *text.at))
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (text.at[i] == '\0' || (!strchr(letters, text.at[i]) && !strchr("0123456789+-._", text.at[i])))
            return false;
    return true;
}

/* Whether what stands behind each colon can be a port. If not, the colon is that of user:password. */
static bool may_be_hosts(struct text hosts)
{
    while (hosts.length) {
        struct text host = text_split(hosts, ',', &hosts);
        size_t bracket = last_of(host, ']');
        if (bracket < host.length)
            host = from(host, bracket);
        size_t colon = first_of(host, ":");
        for (size_t i = colon + 1; i < host.length; i++)
            if (host.at[i] < '0' || host.at[i] > '9')
                return false;
    }
    return true;
}

static bool two_ways(struct error *err)
{
    error_set(err, MIGRATE_BAD_URL, "the database's URL has an @ where it can be read in two ways");
    return error_hint(err,
                      "Write special characters of the password as %%XX: / is %%2F, ? is %%3F, # is %%23, @ is %%40.");
}

/* How much of the text is `user:password`, up to the @; its length if there is no login. */
static bool find_login(struct text text, size_t *login, struct error *err)
{
    size_t end = first_of(text, "/?");
    size_t at = last_of(before(text, end), '@');
    *login = at < end ? at : text.length;
    if (at < end || end == 0)
        return true;
    size_t later = first_of(text, "@");
    if (later == text.length)
        return true;
    if (!may_be_hosts(before(text, end))) {
        *login = later;
        return true;
    }
    return later > first_of(text, "?") || two_ways(err);
}

bool url_split(struct text text, struct url *url, struct error *err)
{
    const char *mark = text.length ? memmem(text.at, text.length, "://", 3) : NULL;
    size_t scheme = mark ? (size_t)(mark - text.at) : 0;
    struct text none = text_of("");
    *url = (struct url){
        .scheme = before(text, scheme), .user = none, .password = none, .hosts = none, .path = none, .query = none};
    bool has_at = memchr(text.at, '@', text.length);
    if (!is_scheme(url->scheme))
        return error_set(err, MIGRATE_BAD_URL, "the database's URL does not begin as one, with scheme://");
    text = from(text, scheme + 3);

    size_t login = 0;
    if (!find_login(text, &login, err))
        return false;
    if (login < text.length) {
        url->has_login = true;
        url->user = text_split(before(text, login), ':', &url->password);
        text = from(text, login + 1);
    }
    url->may_quote = url->has_login || !has_at;
    url->hosts = before(text, first_of(text, "/?"));
    text = from(text, url->hosts.length);
    if (text.length && *text.at == '/') {
        url->has_path = true;
        text = from(text, 1);
        url->path = before(text, first_of(text, "?"));
        text = from(text, url->path.length);
    }
    if (text.length)
        url->query = from(text, 1);
    return true;
}

bool url_next_parameter(struct text *query, struct text *name, struct text *value)
{
    while (query->length) {
        struct text parameter = text_split(*query, '&', query);
        *name = text_split(parameter, '=', value);
        if (parameter.length)
            return true;
    }
    return false;
}

static int hex_digit(char digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
           : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                          : -1;
}

bool url_decode(struct text text, struct arena *arena, const char **decoded, struct error *err)
{
    char *copy = arena_alloc(arena, text.length + 1), *end = copy;
    for (size_t i = 0; i < text.length; i++) {
        int byte = (unsigned char)text.at[i];
        if (byte == '%') {
            int high = i + 2 < text.length ? hex_digit(text.at[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text.at[i + 2]) : -1;
            byte = low >= 0 ? high * 16 + low : 0;
            i += 2;
        }
        if (byte == 0) {
            error_set(err, MIGRATE_BAD_URL,
                      "the database's URL has a %% that is not followed by a character's two digits");
            return error_hint(err, "Write a %% itself as %%25.");
        }
        *end++ = (char)byte;
    }
    *decoded = copy;
    return true;
}

void url_encode(struct buffer *buffer, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (; *text; text++) {
        if (strchr(plain, *text))
            buffer_character(buffer, *text);
        else
            buffer_printf(buffer, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

bool url_unknown_parameter(const struct url *url, const char *name, struct names known, struct error *err)
{
    if (!url->may_quote)
        return error_set(err, MIGRATE_BAD_URL, "the URL has a parameter that is not known");
    const char *closest = text_closest(name, known);
    error_set(err, MIGRATE_BAD_URL, "the URL's parameter \"%s\" is not known", name);
    return closest ? error_hint(err, "Did you mean \"%s\"?", closest) : false;
}
