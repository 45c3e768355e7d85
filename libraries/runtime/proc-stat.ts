/**
 * A field of /proc/PID/stat by its number in proc(5), from 3 on. The command, field 2, may hold blanks and parentheses
 * itself; what follows its last ')' starts at field 3.
 */
export function statFields(stat: string): (number: number) => string {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (number) => fields[number - 3] ?? '';
}
