// SPDX-License-Identifier: Apache-2.0
/** Dialogs on the browser's own <dialog>: it keeps the focus inside and gives it back. */
import type { ComponentChildren, JSX } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { useText } from "./hooks.ts";
import { CloseIcon } from "./icons.tsx";

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  readonly testId: string;
  readonly alert?: boolean;
}

/** Shown as long as it is drawn. Escape closes it. */
export function Dialog({ title, onClose, children, testId, alert }: DialogProps): JSX.Element {
  const text = useText();
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (!dialog) return undefined;
    if (typeof dialog.showModal === "function") dialog.showModal();
    else dialog.setAttribute("open", "");
    return () => { if (dialog.open && typeof dialog.close === "function") dialog.close(); };
  }, []);
  return (
    <dialog ref={ref} class="dialog" role={alert ? "alertdialog" : "dialog"} aria-labelledby={titleId}
      data-testid={testId} onCancel={(event) => { event.preventDefault(); onClose(); }}>
      <div class="dialog-head">
        <h2 id={titleId}>{title}</h2>
        <button type="button" class="plain icon-only" onClick={onClose} aria-label={text.close}><CloseIcon /></button>
      </div>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  readonly title: string;
  readonly yes: string;
  readonly no?: string;
  readonly testId: string;
  readonly onYes: () => void;
  readonly onNo: () => void;
  readonly children: ComponentChildren;
  /** What else is asked before. */
  readonly more?: ComponentChildren;
}

/** A question whose safe answer has the focus. */
export function Confirm({ title, yes, no, testId, onYes, onNo, children, more }: ConfirmProps): JSX.Element {
  const text = useText();
  const safe = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => safe.current?.focus(), []);
  return (
    <Dialog title={title} onClose={onNo} testId={testId} alert>
      <p>{children}</p>
      {more}
      <div class="dialog-actions">
        <button type="button" ref={safe} onClick={onNo} data-testid={`${testId}-no`}>{no ?? text.cancel}</button>
        <button type="button" class="danger" onClick={onYes} data-testid={`${testId}-yes`}>{yes}</button>
      </div>
    </Dialog>
  );
}
