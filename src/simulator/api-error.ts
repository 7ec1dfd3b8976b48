/** A response with `Response.Error`: the vendor's refusal, over HTTP 200 like every processed request. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

export const missingParameter = (name: string) =>
  new ApiError('MissingParameter', `The request is missing a required parameter \`${name}\`.`);

export const unknownParameter = (name: string) =>
  new ApiError('UnknownParameter', `The parameter \`${name}\` is not recognized.`);

export const wrongType = (name: string, expected: string) =>
  new ApiError('InvalidParameter', `The value type of parameter \`${name}\` is not valid: ${expected} expected.`);

export const invalidValue = (name: string, why: string, code = 'InvalidParameterValue') =>
  new ApiError(code, `The value of parameter \`${name}\` is not valid: ${why}.`);
