/** Name of the package that holds the client alone. */
export const CLIENT_PACKAGE: string;
/**
 * Packs the client out of dist/, which has to be built.
 *
 * @param folder gets the .tgz
 * @returns its path
 * @throws Error when the client imports a package that package.json does not list, or npm fails
 */
export function packClient(folder: string): string;
