import { describe, expect, it } from 'vitest';
import { explain } from '../../src/cli/error-printer.js';
import { toLedgerError } from '../../src/ledger/db/ledger-error.js';

const failed = (message: string, code?: string) =>
  toLedgerError(Object.assign(new Error(message), code === undefined ? {} : { code }), 'list the holds');

describe('an error of the database', () => {
  it.each([
    // SQLSTATE, what the server says, what it is, exit code
    ['25006', 'cannot execute INSERT in a read-only transaction', /can only be read.*primary/, 5],
    ['53100', 'could not extend file "base/1/2": No space left on device', /disk of PostgreSQL is full.*Make room/, 5],
    ['53200', 'out of memory', /out of memory/, 5],
    ['53300', 'sorry, too many clients already', /no connection left.*max_connections/, 5],
    [
      '53300',
      'remaining connection slots are reserved for roles with the SUPERUSER attribute',
      /no connection left/,
      5,
    ],
    ['53400', 'configuration limit exceeded', /short of something/, 5],
    ['55P03', 'canceling statement due to lock timeout', /holds a lock.*pg_locks/, 5],
    ['57014', 'canceling statement due to statement timeout', /took too long.*pg_stat_activity/, 5],
    ['25P03', 'terminating connection due to idle-in-transaction timeout', /stood still for too long/, 5],
    ['40P01', 'deadlock detected', /another transaction was in the way/, 5],
    ['40001', 'could not serialize access', /another transaction/, 5],
    ['57P01', 'terminating connection due to administrator command', /ended the session/, 5],
    ['57P02', 'terminating connection because of crash of another server process', /crashed/, 5],
    ['57P03', 'the database system is starting up', /starting, stopping or recovering/, 5],
    ['57P05', 'terminating connection due to idle-session timeout', /stood idle/, 5],
    ['58030', 'could not fsync file', /problem with its files/, 5],
    ['28P01', 'password authentication failed for user "app"', /refused the (password|login).*percent-encode/, 4],
    ['28000', 'role "app" does not exist', /refused the login/, 4],
    ['28000', 'no pg_hba.conf entry for host "::1", user "app", database "db", no encryption', /wants TLS.*sslmode/, 4],
    ['28000', 'connection requires a valid client certificate', /client certificate.*sslcert=FILE/, 4],
    ['3D000', 'database "nope" does not exist', /no such database.*createdb/, 4],
    ['42501', 'permission denied for table erase', /lacks a right/, 4],
    ['3F000', 'no schema has been selected to create in', /schema of the search path does not exist/, 4],
    ['42P01', 'relation "erase" does not exist', /smart-erase setup/, 4],
    ['22P05', 'character with byte sequence 0xe7 in encoding "UTF8" has no equivalent in encoding "LATIN1"', /UTF8/, 4],
    ['22021', 'invalid byte sequence for encoding', /UTF8/, 4],
    ['08P01', 'unsupported startup parameter: statement_timeout', /pooler refuses a parameter/, 4],
    ['08P01', 'unsupported startup parameter: options', /search_path.*alter role/, 4],
    ['08P01', 'unsupported startup parameter in options: search_path', /search_path.*alter role/, 4],
    ['08P01', 'SSL required', /wants TLS/, 4],
    ['08P01', 'no such database: nope', /no such database/, 4],
    ['08P01', 'query_wait_timeout', /no connection left/, 5],
    ['08P01', 'transaction blocks not allowed in statement pooling mode', /pool_mode transaction/, 4],
    ['08P01', 'server login has been failing, try again later (server_login_retry)', /pooler cannot reach/, 5],
    ['XX000', 'Tenant or user not found', /refused the login/, 4],
    ['XX000', 'Max client connections reached', /no connection left/, 5],
    // Node's
    ['ENOTFOUND', 'getaddrinfo ENOTFOUND db.example', /host of DATABASE_URL is not known/, 5],
    ['EAI_AGAIN', 'getaddrinfo EAI_AGAIN db.example', /looked up/, 5],
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1', /not reachable.*host and port/, 5],
    ['ENOENT', 'connect ENOENT /tmp/.s.PGSQL.5432', /no PostgreSQL has its socket/, 5],
    ['EACCES', 'connect EACCES /tmp/.s.PGSQL.5432', /socket of PostgreSQL may not be used/, 4],
    ['ECONNRESET', 'read ECONNRESET', /connection to PostgreSQL broke/, 5],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', /no authority that is known here.*sslrootcert/, 4],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain', /no authority/, 4],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate', /no authority/, 4],
    ['ERR_TLS_CERT_ALTNAME_INVALID', "Hostname/IP does not match certificate's altnames", /another host name/, 4],
    ['CERT_HAS_EXPIRED', 'certificate has expired', /has expired.*Renew/, 4],
    ['CERT_NOT_YET_VALID', 'certificate is not yet valid', /clocks/, 4],
    ['EPROTO', 'write EPROTO', /agree on no TLS/, 4],
    // The driver's
    [undefined, 'The server does not support SSL connections', /offers no TLS/, 4],
    [
      undefined,
      'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string',
      /asks for a password/,
      4,
    ],
    [undefined, 'timeout exceeded when trying to connect', /connections of this process are in use/, 5],
    [undefined, 'Connection terminated due to connection timeout', /does not answer/, 5],
    [undefined, 'Connection terminated unexpectedly', /connection to PostgreSQL broke/, 5],
    [undefined, 'Client has encountered a connection error and is not queryable', /broke/, 5],
    [undefined, 'Query read timeout', /broke/, 5],
  ])('%s %s is named, with what to do', (code, message, sentence, exitCode) => {
    const error = failed(message, code);
    expect(error.message).toMatch(/^Cannot list the holds: /);
    expect(error.message).toMatch(sentence);
    expect(error.message).toContain(message.replace(/\.$/, ''));
    expect(explain(error).exitCode).toBe(exitCode);
    // A reachable server is never called unreachable.
    if (code !== 'ECONNREFUSED') expect(error.message).not.toContain('not reachable');
  });

  it('is the first of several where all addresses of a host were tried', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED ::1:1'), { code: 'ECONNREFUSED' });
    expect(toLedgerError(new AggregateError([refused]), 'look').message).toMatch(
      /not reachable \(connect ECONNREFUSED/,
    );
  });

  it('that is not known keeps its own words', () => {
    const error = failed('the moon is full', 'P0001');
    expect([error.kind, error.message]).toEqual(['unexpected', 'Cannot list the holds: the moon is full.']);
  });
});
