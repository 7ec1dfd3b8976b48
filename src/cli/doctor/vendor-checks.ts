import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { proxyHint, proxyVariables } from '../../config/proxy-variables.js';
import type { VendorSettings } from '../../config/settings.js';
import { EXIT } from '../../contract/error-classes.js';
import { DOCUMENTED_SUBMITS_PER_SECOND } from '../../contract/vendor-limits.js';
import { vodClientOf } from '../../tencent-vod/client-of-settings.js';
import { type Check, fail, failedBy, ok, warn } from './check.js';
import { isNotAllowed, readingRights, submitRight, writingRights } from './rights-checks.js';

/** The vendor refuses a signature when the clock differs by more than this (AuthFailure.SignatureExpire). Seconds. */
const REFUSED_CLOCK_DIFFERENCE = 300;
const SUSPICIOUS_CLOCK_DIFFERENCE = 60;
const CLOCK_TIMEOUT_MS = 10_000;

/** Optional probes beyond reads. */
export interface Probes {
  probeSubmit?: boolean;
  probeWrites?: boolean;
}

/**
 * Checks credentials, clock, reachability and rights by reads that cost nothing. Probes add the calls that test the rights to
 * write and to submit.
 */
export async function vendorChecks(vendor: VendorSettings, probes: Probes = {}): Promise<Check[]> {
  return [
    ...proxies(),
    credentials(vendor),
    ...rate(vendor),
    await clock(vendor.endpoint),
    ...(await access(vendor, probes)),
  ];
}

function rate({ submitsPerSecond }: VendorSettings): Check[] {
  if (submitsPerSecond <= DOCUMENTED_SUBMITS_PER_SECOND) return [];
  return [
    warn(
      'Submit rate',
      `VOD_SUBMIT_RPS is ${submitsPerSecond}, above the ${DOCUMENTED_SUBMITS_PER_SECOND} a second of ProcessMediaByMPS in the vendor’s documents`,
      `What is too fast is refused, and slows all submits down: leave it at ${DOCUMENTED_SUBMITS_PER_SECOND}, unless the vendor has raised the limit of your account.`,
    ),
  ];
}

/** Proxy variables have no effect here; a user who sets them expects otherwise. */
function proxies(): Check[] {
  const names = proxyVariables();
  if (names.length === 0) return [];
  return [
    warn(
      'Proxy',
      `${names.join(', ')} set: no part of this program follows it`,
      'Temporal, PostgreSQL, the vendor and webhooks are reached directly: let this machine through to them.',
    ),
  ];
}

function credentials({ credentials: given }: VendorSettings): Check {
  if (given) return ok('Credentials', `${given.token ? 'temporary ones' : 'a key pair'} from the environment`);
  return warn(
    'Credentials',
    "none in the environment: the SDK's chain is used (file, instance role)",
    'Set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, unless the chain is what you want.',
  );
}

async function clock(endpoint: string): Promise<Check> {
  const url = /^https?:\/\//.test(endpoint) ? endpoint : `https://${endpoint}`;
  let header: string | null;
  let readAt: number;
  try {
    const before = Date.now();
    header = await dateOf(url);
    readAt = (before + Date.now()) / 2;
  } catch (error) {
    const { code, message, name } = error as { code?: string; message?: string; name?: string };
    return fail(
      'Vendor clock',
      `${url} cannot be reached (${code || message || name})`,
      `Check the network and VOD_ENDPOINT.${proxyHint()}`,
      EXIT.temporary,
    );
  }
  const theirs = header === null ? Number.NaN : Date.parse(header);
  if (Number.isNaN(theirs)) return warn('Vendor clock', `${url} does not tell its time`, 'Compare the clock by hand.');
  const seconds = Math.round(Math.abs(theirs - readAt) / 1_000);
  const found = `differs from ours by ${seconds} s`;
  if (seconds > REFUSED_CLOCK_DIFFERENCE) {
    return fail('Vendor clock', found, 'Set the clock (NTP): every call is refused.', EXIT.configuration);
  }
  if (seconds > SUSPICIOUS_CLOCK_DIFFERENCE) {
    return warn('Vendor clock', found, 'Set the clock (NTP): above 300 s every call is refused.');
  }
  return ok('Vendor clock', found);
}

/** Uses its own HTTP connection like the vendor calls; proxy settings of Node's fetch do not apply. */
async function dateOf(url: string): Promise<string | null> {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  const request = send(url, { method: 'HEAD', agent: false, signal: AbortSignal.timeout(CLOCK_TIMEOUT_MS) });
  request.end();
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  answer.destroy();
  return answer.headers.date ?? null;
}

async function access(vendor: VendorSettings, { probeSubmit = false, probeWrites = false }: Probes): Promise<Check[]> {
  const name = 'Vendor API';
  if (vendor.subAppId === undefined) {
    return [
      warn(name, 'not asked: there is no sub-application to ask about', 'Set VOD_SUB_APP_ID to have it checked.'),
    ];
  }
  const client = vodClientOf(vendor);
  const { subAppId } = vendor;
  try {
    // Checked first: if this call fails, the others would report the same problem.
    const { requestId } = await client.listTasks({ subAppId, limit: 1 });
    const checks = [ok(name, `${vendor.endpoint} answers for sub-application ${subAppId} (RequestId ${requestId})`)];
    checks.push(await readingRights(client, subAppId));
    if (probeWrites) checks.push(await writingRights(client, subAppId));
    if (probeSubmit) checks.push(await submitRight(client, subAppId));
    return checks;
  } catch (error) {
    return isNotAllowed(error) ? [await readingRights(client, subAppId)] : [failedBy(name, error)];
  } finally {
    client.close();
  }
}
