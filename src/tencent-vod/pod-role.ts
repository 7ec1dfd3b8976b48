import { Agent } from 'node:https';
import credential from 'tencentcloud-sdk-nodejs/tencentcloud/common/credential.js';
import { completePair } from '../config/vendor-credentials.js';
import type { CredentialSource, FoundCredentials } from './credential-source.js';

// Node finds no named exports in this CommonJS file.
const { OIDCRoleArnCredential } = credential;

/** Set by the vendor's Kubernetes service in a pod with a role. */
const VARIABLES = ['TKE_REGION', 'TKE_PROVIDER_ID', 'TKE_WEB_IDENTITY_TOKEN_FILE', 'TKE_ROLE_ARN'];
const TIMEOUT_SECONDS = 5;

interface Answer {
  TmpSecretId: string;
  TmpSecretKey: string;
  Token: string;
  ExpiredTime: number;
}

/** The SDK's class, for one request: we track the expiry ourselves. */
class OneAnswer extends OIDCRoleArnCredential {
  ask(): Promise<Answer> {
    return this.getCredentialWithStsAssumeRoleWithWebIdentity() as Promise<Answer>;
  }
}

/** Credentials of the pod's role, from the vendor's token service, through our own agent without a proxy. */
export class PodRole implements CredentialSource {
  readonly name = 'the token service';

  async ask(): Promise<FoundCredentials | null> {
    if (!VARIABLES.every((name) => process.env[name])) return null;
    const agent = new Agent({ keepAlive: false });
    const profile = { httpProfile: { agent, reqTimeout: TIMEOUT_SECONDS } };
    // A second argument would disable the pod's variables, although the SDK's types require one.
    const answer = await new OneAnswer({ profile } as never, undefined as never).ask();
    const credentials = completePair({
      secretId: answer.TmpSecretId,
      secretKey: answer.TmpSecretKey,
      token: answer.Token,
    });
    if (credentials === null) throw new Error('answered without a key');
    return { credentials, until: answer.ExpiredTime * 1_000 };
  }
}
