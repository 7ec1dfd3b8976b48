/** What programs follow that follow proxies. */
const NAMES = ['http_proxy', 'https_proxy', 'all_proxy', 'grpc_proxy'];

/** Variables that name a proxy, as they are set; no part of this program follows them. */
export function proxyVariables(env: NodeJS.ProcessEnv = process.env): string[] {
  return Object.keys(env).filter((name) => NAMES.includes(name.toLowerCase()) && env[name] !== '');
}

/** For an error of a connection: a sentence that says so with a blank before it, or nothing where none is set. */
export function proxyHint(env: NodeJS.ProcessEnv = process.env): string {
  const names = proxyVariables(env);
  if (names.length === 0) return '';
  return ` ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} set and not followed: a direct way is needed.`;
}
