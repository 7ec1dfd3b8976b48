/** A shell's name, and the lines that set the environment in it. */
export interface ShellSettings {
  shell: string;
  lines: string[];
}

/**
 * The lines to copy into another terminal, for each kind of shell.
 * @param environment a variable without a value must be unset
 */
export function shellSettings(environment: NodeJS.ProcessEnv): ShellSettings[] {
  const entries = Object.entries(environment);
  const set = entries.filter((entry): entry is [string, string] => entry[1] !== undefined);
  const unset = entries.filter(([, value]) => value === undefined).map(([name]) => name);
  return [
    {
      shell: 'sh, bash, zsh',
      lines: [
        ...(unset.length > 0 ? [`unset ${unset.join(' ')}`] : []),
        ...set.map(([name, value]) => `export ${name}=${posixQuoted(value)}`),
      ],
    },
    {
      shell: 'PowerShell',
      lines: [
        ...unset.map((name) => `$env:${name} = $null`),
        ...set.map(([name, value]) => `$env:${name} = ${powerShellQuoted(value)}`),
      ],
    },
  ];
}

/** Unchanged where a shell needs no quotes; else in single quotes, where only the closing quote is special. */
function posixQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** PowerShell treats typographic single quotes as plain ones. */
function powerShellQuoted(text: string): string {
  return `'${text.replaceAll(/['\u2018-\u201b]/g, '$&$&')}'`;
}
