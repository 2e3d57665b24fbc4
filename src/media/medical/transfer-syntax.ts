/** @file How the elements of a DICOM file are written: the three transfer syntaxes without compression (PS3.5, section 10 and annex A). */

/** Order of bytes, and whether each element names its type. */
export interface TransferSyntax {
  readonly name: 'implicit little endian' | 'explicit little endian' | 'explicit big endian';
  readonly isBigEndian: boolean;
  readonly isExplicit: boolean;
}

/** By their identifiers. */
export const transferSyntaxes: Readonly<Record<string, TransferSyntax>> = {
  '1.2.840.10008.1.2': { name: 'implicit little endian', isBigEndian: false, isExplicit: false },
  '1.2.840.10008.1.2.1': { name: 'explicit little endian', isBigEndian: false, isExplicit: true },
  '1.2.840.10008.1.2.2': { name: 'explicit big endian', isBigEndian: true, isExplicit: true },
};
