/** @file Files that are dropped anywhere on the page, or pasted. */
import { useEffect, useState } from 'preact/hooks';

/** The first file of a drop or paste, whatever its kind; the caller says what it thinks of it. */
function firstFile(transfer: DataTransfer | null): File | undefined {
  return transfer?.files[0];
}

/** Calls back with each dropped or pasted file; returns whether one is being dragged over the page. */
export function useDroppedFile(onFile: (file: File) => void): boolean {
  const [isDragging, setDragging] = useState(false);
  useEffect(() => {
    // Entering a child leaves its parent: only as many leaves as enters mean that the page was left.
    let depth = 0;
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const onEnter = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      depth += 1;
      setDragging(true);
    };
    const onOver = (event: DragEvent) => {
      if (carriesFiles(event)) event.preventDefault();
    };
    const onLeave = () => {
      depth = Math.max(0, depth - 1);
      if (depth === 0) setDragging(false);
    };
    const onDrop = (event: DragEvent) => {
      depth = 0;
      setDragging(false);
      const file = firstFile(event.dataTransfer);
      if (file === undefined) return;
      event.preventDefault();
      onFile(file);
    };
    const onPaste = (event: ClipboardEvent) => {
      const file = firstFile(event.clipboardData);
      if (file === undefined) return;
      event.preventDefault();
      onFile(file);
    };
    document.addEventListener('dragenter', onEnter);
    document.addEventListener('dragover', onOver);
    document.addEventListener('dragleave', onLeave);
    document.addEventListener('drop', onDrop);
    document.addEventListener('paste', onPaste);
    return () => {
      document.removeEventListener('dragenter', onEnter);
      document.removeEventListener('dragover', onOver);
      document.removeEventListener('dragleave', onLeave);
      document.removeEventListener('drop', onDrop);
      document.removeEventListener('paste', onPaste);
    };
  }, [onFile]);
  return isDragging;
}
