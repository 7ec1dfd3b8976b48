/** A name of what a person types into, and the lines that give it an environment. */
export interface ShellSettings {
  shell: string;
  lines: string[];
}

/**
 * The lines to copy into another terminal, for each kind of shell.
 * @param environment a variable without a value is one that must not be set
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

/** As it is where a shell leaves it so; else in single quotes, in which nothing but their end means anything. */
function posixQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** PowerShell takes the typographic single quotes for plain ones, too. */
function powerShellQuoted(text: string): string {
  return `'${text.replaceAll(/['\u2018-\u201b]/g, '$&$&')}'`;
}
