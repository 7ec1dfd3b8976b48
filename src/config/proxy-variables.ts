/** Common proxy variables. */
const NAMES = ['http_proxy', 'https_proxy', 'all_proxy', 'grpc_proxy'];

/** The proxy variables that are set; no part of this program uses them. */
export function proxyVariables(env: NodeJS.ProcessEnv = process.env): string[] {
  return Object.keys(env).filter((name) => NAMES.includes(name.toLowerCase()) && env[name] !== '');
}

/** For a connection error: a sentence about set proxy variables, after a blank; empty where none is set. */
export function proxyHint(env: NodeJS.ProcessEnv = process.env): string {
  const names = proxyVariables(env);
  if (names.length === 0) return '';
  return ` ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} set and not followed: a direct way is needed.`;
}
