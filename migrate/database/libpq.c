/* libpq.c: libpq, loaded when a PostgreSQL database is first named (base/library.h says why). What the room uses of it,
 * in alphabetical order; a new call needs its line here, and the linker says so. */
#include "database/libpq.h"

#include "base/library.h"

#include <libpq-fe.h>

/* clang-format off */
#define CALLS(CALL, CALL_VOID) \
    CALL(int, PQbackendPID, (const PGconn *conn), (conn)) \
    CALL(int, PQcancel, (PGcancel *cancel, char *errbuf, int errbufsize), (cancel, errbuf, errbufsize)) \
    CALL_VOID(PQclear, (PGresult *res), (res)) \
    CALL(char *, PQcmdStatus, (PGresult *res), (res)) \
    CALL(char *, PQcmdTuples, (PGresult *res), (res)) \
    CALL(PQconninfoOption *, PQconndefaults, (void), ()) \
    CALL(PostgresPollingStatusType, PQconnectPoll, (PGconn *conn), (conn)) \
    CALL(PGconn *, PQconnectStartParams, (const char *const *keywords, const char *const *values, int expand_dbname), (keywords, values, expand_dbname)) \
    CALL(PQconninfoOption *, PQconninfo, (PGconn *conn), (conn)) \
    CALL_VOID(PQconninfoFree, (PQconninfoOption *connOptions), (connOptions)) \
    CALL(int, PQconsumeInput, (PGconn *conn), (conn)) \
    CALL(int, PQenterPipelineMode, (PGconn *conn), (conn)) \
    CALL(char *, PQerrorMessage, (const PGconn *conn), (conn)) \
    CALL(int, PQexitPipelineMode, (PGconn *conn), (conn)) \
    CALL_VOID(PQfinish, (PGconn *conn), (conn)) \
    CALL(int, PQflush, (PGconn *conn), (conn)) \
    CALL_VOID(PQfreeCancel, (PGcancel *cancel), (cancel)) \
    CALL_VOID(PQfreemem, (void *ptr), (ptr)) \
    CALL(PGcancel *, PQgetCancel, (PGconn *conn), (conn)) \
    CALL(int, PQgetCopyData, (PGconn *conn, char **buffer, int async), (conn, buffer, async)) \
    CALL(PGresult *, PQgetResult, (PGconn *conn), (conn)) \
    CALL(int, PQgetisnull, (const PGresult *res, int tup_num, int field_num), (res, tup_num, field_num)) \
    CALL(int, PQgetlength, (const PGresult *res, int tup_num, int field_num), (res, tup_num, field_num)) \
    CALL(char *, PQgetvalue, (const PGresult *res, int tup_num, int field_num), (res, tup_num, field_num)) \
    CALL(char *, PQhost, (const PGconn *conn), (conn)) \
    CALL(char *, PQhostaddr, (const PGconn *conn), (conn)) \
    CALL(int, PQisBusy, (PGconn *conn), (conn)) \
    CALL(int, PQnfields, (const PGresult *res), (res)) \
    CALL(int, PQntuples, (const PGresult *res), (res)) \
    CALL(int, PQpipelineSync, (PGconn *conn), (conn)) \
    CALL(char *, PQport, (const PGconn *conn), (conn)) \
    CALL(int, PQputCopyData, (PGconn *conn, const char *buffer, int nbytes), (conn, buffer, nbytes)) \
    CALL(int, PQputCopyEnd, (PGconn *conn, const char *errormsg), (conn, errormsg)) \
    CALL(char *, PQresultErrorField, (const PGresult *res, int fieldcode), (res, fieldcode)) \
    CALL(char *, PQresultErrorMessage, (const PGresult *res), (res)) \
    CALL(ExecStatusType, PQresultStatus, (const PGresult *res), (res)) \
    CALL(int, PQsendFlushRequest, (PGconn *conn), (conn)) \
    CALL(int, PQsendPrepare, (PGconn *conn, const char *stmtName, const char *query, int nParams, const Oid *paramTypes), (conn, stmtName, query, nParams, paramTypes)) \
    CALL(int, PQsendQueryParams, (PGconn *conn, const char *command, int nParams, const Oid *paramTypes, const char *const *paramValues, const int *paramLengths, const int *paramFormats, int resultFormat), (conn, command, nParams, paramTypes, paramValues, paramLengths, paramFormats, resultFormat)) \
    CALL(int, PQsendQueryPrepared, (PGconn *conn, const char *stmtName, int nParams, const char *const *paramValues, const int *paramLengths, const int *paramFormats, int resultFormat), (conn, stmtName, nParams, paramValues, paramLengths, paramFormats, resultFormat)) \
    CALL(int, PQserverVersion, (const PGconn *conn), (conn)) \
    CALL(PGVerbosity, PQsetErrorVerbosity, (PGconn *conn, PGVerbosity verbosity), (conn, verbosity)) \
    CALL(PQnoticeReceiver, PQsetNoticeReceiver, (PGconn *conn, PQnoticeReceiver proc, void *arg), (conn, proc, arg)) \
    CALL(int, PQsetSingleRowMode, (PGconn *conn), (conn)) \
    CALL(int, PQsetnonblocking, (PGconn *conn, int arg), (conn, arg)) \
    CALL(int, PQsocket, (const PGconn *conn), (conn)) \
    CALL(const char *, PQsslAttribute, (PGconn *conn, const char *attribute_name), (conn, attribute_name)) \
    CALL(ConnStatusType, PQstatus, (const PGconn *conn), (conn)) \
    CALL(PGTransactionStatusType, PQtransactionStatus, (const PGconn *conn), (conn))
/* clang-format on */

CALLS(LIBRARY_CALL, LIBRARY_CALL_VOID)

bool libpq_load(struct error *err)
{
    static const struct library_symbol symbols[] = {CALLS(LIBRARY_SYMBOL, LIBRARY_SYMBOL_VOID)};
    return library_load(LIBPQ_SONAME, symbols, sizeof symbols / sizeof symbols[0], err);
}
