/** The reader of psql's password file that the driver uses, too; it brings no types of its own. */
declare module 'pgpass' {
  interface Wanted {
    host: string;
    port: number;
    user: string;
    database: string;
  }
  export default function pgpass(wanted: Wanted, found: (password: string | undefined) => void): void;
}
