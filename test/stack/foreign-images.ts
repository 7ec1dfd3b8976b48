import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ComposeModel } from './compose-model.js';
import { goPrograms, onOnePath, pinnedVersion, sourceFolder, TEMPORAL_SERVER, TEMPORAL_UI } from './go-tools.js';

/** What stands for an image that is not ours: it has the programs of the image, and no others. */
export interface ForeignImage {
  /** The folder with its programs. */
  programs: string;
  /** What it starts by itself. */
  start?: { argv: string[]; cwd: string };
}

/** By the image's name, without its tag. */
export type ForeignImages = Readonly<Record<string, ForeignImage>>;

/**
 * Temporal's images of docker-compose.yml, with programs built here. The CLI of `admin-tools` cannot be built from its Go
 * module any more: the one of the machine stands for it.
 */
export async function temporalImages(
  folder: string,
  { temporalCli, say }: { temporalCli: string; say: (line: string) => void },
): Promise<ForeignImages> {
  const [server, ui] = [await goPrograms(TEMPORAL_SERVER, say), await goPrograms(TEMPORAL_UI, say)];
  const programs = (image: string) => join(folder, image, 'bin');
  const uiFolder = join(folder, 'temporalio/ui', 'home');
  await onOnePath(programs('temporalio/server'), { 'temporal-server': join(server, 'temporal-server') });
  await onOnePath(programs('temporalio/admin-tools'), {
    temporal: temporalCli,
    'temporal-sql-tool': join(server, 'temporal-sql-tool'),
  });
  await onOnePath(programs('temporalio/ui'), { 'ui-server': join(ui, 'ui-server') });
  // As the image's Dockerfile: one configuration, which is filled in from the environment.
  await mkdir(join(uiFolder, 'config'), { recursive: true });
  const configuration = join(await sourceFolder(TEMPORAL_UI, say), 'config/docker.yaml');
  await copyFile(configuration, join(uiFolder, 'config/docker.yaml'));
  return {
    'temporalio/server': { programs: programs('temporalio/server') },
    'temporalio/admin-tools': { programs: programs('temporalio/admin-tools') },
    'temporalio/ui': {
      programs: programs('temporalio/ui'),
      start: { argv: ['ui-server', '--env', 'docker', 'start'], cwd: uiFolder },
    },
  };
}

/** @returns services whose image is not of the version that is built here */
export async function otherVersions(model: ComposeModel): Promise<string[]> {
  const [server, ui] = [await pinnedVersion(TEMPORAL_SERVER), await pinnedVersion(TEMPORAL_UI)];
  const wanted: Record<string, string> = {
    'temporal-schema': `temporalio/admin-tools:${server.slice(1)}`,
    temporal: `temporalio/server:${server.slice(1)}`,
    'temporal-namespace': `temporalio/admin-tools:${server.slice(1)}`,
    'temporal-ui': `temporalio/ui:${ui.slice(1)}`,
  };
  return Object.entries(wanted).flatMap(([service, image]) => {
    const found = model.services[service]?.image;
    return found === image ? [] : [`${service}: ${found}, and ${image} is built here`];
  });
}
