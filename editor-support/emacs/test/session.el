;;; session.el --- Emacs without a window, driving `flow lsp' -*- lexical-binding: t; -*-

;;; Commentary:

;; `run.sh' starts it.

;;; Code:

(require 'ert)
(require 'cl-lib)
(require 'flow-mode)
(require 'eglot)
(require 'flymake)

(defconst session-root
  (expand-file-name "../../.." (file-name-directory (or load-file-name buffer-file-name))))

(defconst session-script "\
/// One bid. 𝄞
type Bid = { auction: int, price: int, channel: string }
source bids: Bid = file(\"bids.ndjson\", format: json)
stream dear = bids
  |> filter(price > 100 && channel != \"𝄞\")
  |> keyBy(auction)
  |> aggregate { n: count(), top: max(price) }
sink out = dear -> stdout(format: json)
")

(defun session-await (what holds)
  "Wait until HOLDS returns true; WHAT is said if it never does."
  (let ((end (+ (float-time) 20)))
    (while (not (funcall holds))
      (when (> (float-time) end) (ert-fail what))
      (accept-process-output nil 0.05))))

(ert-deftest session-with-the-server ()
  "Mistakes, a fix, hover, completion, formatting and renaming in a real session."
  (let* ((folder (make-temp-file "flow-" t))
         (file (expand-file-name "script.flow" folder))
         (eglot-sync-connect 20)
         (eglot-autoshutdown t)
         (eglot-confirm-server-initiated-edits nil))
    (with-temp-file file (insert session-script))
    (with-current-buffer (find-file-noselect file)
      (should (eq major-mode 'flow-mode))
      ;; What `eglot' does when it is called by hand: the program that flow-mode.el names.
      (apply #'eglot (eglot--guess-contact))
      (session-await "no server" (lambda () (eglot-current-server)))
      (eglot--maybe-activate-editing-mode)
      (session-await "no finding" (lambda () (flymake-start) (flymake-diagnostics)))
      (let ((finding (car (flymake-diagnostics))))
        (should (string-match-p "&&" (flymake-diagnostic-text finding)))
        (goto-char (flymake-diagnostic-beg finding))
        (should (looking-at "&&"))
        (let* ((actions (jsonrpc-request
                         (eglot-current-server) :textDocument/codeAction
                         (list :textDocument (eglot--TextDocumentIdentifier)
                               :range (list :start (eglot--pos-to-lsp-position (point))
                                            :end (eglot--pos-to-lsp-position (+ 2 (point))))
                               :context '(:diagnostics []))))
               (fix (cl-find "quickfix" (append actions nil) :key (lambda (a) (plist-get a :kind)) :test #'equal)))
          (should fix)
          (eglot--apply-workspace-edit (plist-get fix :edit))))
      (goto-char (point-min))
      (should (search-forward "price > 100 and channel" nil t))
      ;; Without a window no idle timer tells the server.
      (eglot--signal-textDocument/didChange)
      (session-await "the finding stays" (lambda () (flymake-start) (null (flymake-diagnostics))))
      ;; Completion of a half-typed stage.
      (goto-char (point-min))
      (search-forward "  |> keyBy")
      (beginning-of-line)
      (insert "  |> fil\n")
      (forward-char -1)
      (eglot--signal-textDocument/didChange)
      (let* ((capf (eglot-completion-at-point))
             (names (all-completions "fil" (nth 2 capf))))
        (should (cl-some (lambda (name) (string-prefix-p "filter" name)) names)))
      (delete-region (line-beginning-position) (1+ (line-end-position)))
      ;; Hover.
      (goto-char (point-min))
      (search-forward "stream de")
      (eglot--signal-textDocument/didChange)
      (let ((hover (jsonrpc-request (eglot-current-server) :textDocument/hover
                                    (eglot--TextDocumentPositionParams))))
        (should (string-match-p "auction" (format "%s" hover))))
      (eglot-rename "costly")
      (goto-char (point-min))
      (should (search-forward "sink out = costly" nil t))
      ;; Formatting.
      (goto-char (point-min))
      (search-forward "price > 100")
      (replace-match "price>100")
      (eglot-format-buffer)
      (goto-char (point-min))
      (should (search-forward "price > 100" nil t))
      (save-buffer)
      (eglot-shutdown (eglot-current-server))
      (kill-buffer))))

(ert-deftest session-examples-keep-their-indentation ()
  "Indenting an example as a whole changes nothing."
  ;; A folder that is called `.flow' holds the state of an example that somebody ran.
  (let ((files (seq-filter #'file-regular-p
                           (file-expand-wildcards (expand-file-name "lang-examples/*/*.flow" session-root))))
        (changed nil))
    (should (>= (length files) 40))
    (dolist (file files)
      (with-temp-buffer
        (insert-file-contents file)
        (let ((before (buffer-string)))
          (flow-mode)
          (let ((inhibit-message t)) (indent-region (point-min) (point-max)))
          (unless (string= before (buffer-string))
            (push (file-name-nondirectory file) changed)))))
    (should (equal changed nil))))

(defun session-face (text word)
  "The colour of WORD in TEXT."
  (with-temp-buffer
    (insert text)
    (flow-mode)
    (font-lock-ensure)
    (goto-char (point-min))
    (search-forward word)
    (get-text-property (match-beginning 0) 'face)))

(ert-deftest session-colours ()
  "The parts of a script are told apart."
  (let ((text "stream a = b |> filter(x == \"c\") // e\nconst f = 10min\n/* g /* h */ i */\ntype J = { k: int }\n"))
    (should (eq (session-face text "stream") 'font-lock-keyword-face))
    (should (eq (session-face text "filter") 'font-lock-function-name-face))
    (should (eq (session-face text "c\"") 'font-lock-string-face))
    (should (eq (session-face text "e\n") 'font-lock-comment-face))
    (should (eq (session-face text "10min") 'font-lock-constant-face))
    (should (eq (session-face text "i */") 'font-lock-comment-face))
    (should (eq (session-face text "J") 'font-lock-type-face))
    (should (eq (session-face text "int ") 'font-lock-type-face))))

(ert-deftest session-check-finds-lines ()
  "A finding of `flow check' leads to its line."
  (let* ((rule (alist-get 'flow compilation-error-regexp-alist-alist))
         (line "a/b.flow:12:3: error[E0201]: there is no `x`"))
    (should (string-match (car rule) line))
    (should (equal (match-string 1 line) "a/b.flow"))
    (should (equal (match-string 2 line) "12"))))

;;; session.el ends here
