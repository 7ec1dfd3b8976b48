import credential from 'tencentcloud-sdk-nodejs/tencentcloud/common/credential.js';

// Node finds no named exports in this CommonJS file.
const { CvmRoleCredential, OIDCRoleArnCredential, ProfileCredential } = credential;

export interface Credentials {
  secretId: string;
  secretKey: string;
  /** Of temporary credentials. */
  token?: string;
}

export interface CredentialProvider {
  /** Null when it has none. May refresh them; is asked before every call. */
  getCredential(): Promise<Credentials | null>;
}

interface SdkProvider {
  getCredential(): Promise<{ secretId?: string; secretKey?: string; token?: string }>;
}

/** One source's time: outside of Tencent Cloud the metadata address does not answer. Ours. */
const SOURCE_TIMEOUT_MS = 3_000;

/**
 * The SDK's own chain: environment, profile file, role of the machine, role of the pod. Its `DefaultCredentialProvider`
 * prints stack traces, has no time limit, and keeps the first failure of a role for ever; so its parts are used one by
 * one, and a failed part is made anew.
 */
export function sdkCredentialChain(environment: NodeJS.ProcessEnv = process.env): CredentialProvider {
  const sources: (() => SdkProvider)[] = [
    () => new ProfileCredential(),
    () => new CvmRoleCredential() as SdkProvider,
    () => new OIDCRoleArnCredential(),
  ];
  let working: SdkProvider | null = null;
  return {
    async getCredential() {
      const fromEnvironment = environmentCredentials(environment);
      if (fromEnvironment !== null) {
        return fromEnvironment;
      }
      const candidates = working === null ? sources.map((make) => make()) : [working];
      working = null;
      for (const candidate of candidates) {
        const found = await ask(candidate);
        if (found !== null) {
          working = candidate;
          return found;
        }
      }
      return null;
    },
  };
}

/** The token's name differs between the SDKs of Tencent Cloud; both are taken. */
function environmentCredentials(environment: NodeJS.ProcessEnv): Credentials | null {
  return complete({
    secretId: environment.TENCENTCLOUD_SECRET_ID,
    secretKey: environment.TENCENTCLOUD_SECRET_KEY,
    token: environment.TENCENTCLOUD_TOKEN ?? environment.TENCENTCLOUD_SESSION_TOKEN,
  });
}

async function ask(provider: SdkProvider): Promise<Credentials | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), SOURCE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([provider.getCredential().then(complete), late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

function complete(given: {
  secretId?: string | undefined;
  secretKey?: string | undefined;
  token?: string | undefined;
}): Credentials | null {
  const { secretId, secretKey, token } = given;
  if (!secretId || !secretKey) {
    return null;
  }
  return token ? { secretId, secretKey, token } : { secretId, secretKey };
}
