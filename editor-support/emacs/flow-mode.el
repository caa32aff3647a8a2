;;; flow-mode.el --- Major mode for dataflow scripts -*- lexical-binding: t; -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "27.1"))
;; Keywords: languages
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Colours, indentation and an outline for `.flow' scripts, commands that start `flow', and the language
;; server through eglot (part of Emacs 29, a package before).  Put the folder on `load-path' and
;;
;;   (require 'flow-mode)
;;   (add-hook 'flow-mode-hook #'eglot-ensure)

;;; Code:

(require 'compile)

(defgroup flow nil
  "Dataflow scripts."
  :group 'languages)

(defcustom flow-command (or (getenv "FLOW_BIN") "flow")
  "The `flow' command: a name on the path, or a path."
  :type 'string)

(defcustom flow-indent-offset 2
  "Blanks of a level; `flow fmt' writes two."
  :type 'integer)

;;;; Colours

(defconst flow--name "\\(?:[[:alpha:]_][[:alnum:]_]*\\|`[^`\n]+`\\)")

(defconst flow--heading "^\\(?:@\\w+(\"[^\"\n]*\")[ \t]*\\)*"
  "What a declaration begins with: `@was' may say what it was called.")

(defconst flow--declarations
  '("import" "job" "param" "const" "type" "fn" "source" "table" "stream" "sink" "test"))

(defconst flow-font-lock-keywords
  `((,(concat flow--heading "\\(?:source\\|table\\|stream\\|sink\\|param\\|const\\|job\\)[ \t]+\\(" flow--name "\\)")
     1 font-lock-variable-name-face)
    (,(concat "^type[ \t]+\\(" flow--name "\\)") 1 font-lock-type-face)
    (,(concat "^fn[ \t]+\\(" flow--name "\\)") 1 font-lock-function-name-face)
    (,(concat flow--heading "[ \t]*" (regexp-opt flow--declarations 'words) "[ \t]+[[:alpha:]_`\"]") 1 font-lock-keyword-face)
    ("\\(@\\(?:id\\|was\\)\\)(" 1 font-lock-preprocessor-face)
    ("@[0-9][-0-9.]*\\(?:T[0-9:.]*\\(?:Z\\|[-+][0-9:]+\\)?\\)?" . font-lock-constant-face)
    (,(concat "|>[ \t]*\\(?:@\\w+(\"[^\"\n]*\")[ \t]*\\)*\\(" flow--name "\\)") 1 font-lock-function-name-face)
    (,(concat "->[ \t]*\\(" flow--name "\\)[ \t]*[({]") 1 font-lock-function-name-face)
    ("^[ \t]*\\(given\\|advance\\|expect\\(?:[ \t]+ordered\\)?\\|restore[ \t]+into\\)[ \t]" 1 font-lock-keyword-face)
    ("^[ \t]*\\(savepoint\\)[ \t]*$" 1 font-lock-keyword-face)
    ("\\_<\\(?:if\\|then\\|else\\|match\\|try\\|let\\|as\\|and\\|or\\|not\\|in\\)\\_>\\(?:[^:]\\|$\\)"
     0 font-lock-keyword-face)
    ("[[:alnum:]_`][ \t]+\\(on\\|asOf\\)[ \t]" 1 font-lock-keyword-face)
    ("[])[:alnum:]_`][ \t]+\\(asc\\|desc\\)[ \t]*[],)]" 1 font-lock-keyword-face)
    ("\\_<\\(?:true\\|false\\|null\\)\\_>" . font-lock-constant-face)
    ("\\_<\\(?:bool\\|int\\|float\\|decimal\\|string\\|bytes\\|timestamp\\|duration\\|json\\)\\_>\\(?:[^(:]\\|$\\)"
     0 font-lock-type-face)
    ("\\_<\\(\\(?:list\\|map\\)\\)[ \t]*<" 1 font-lock-type-face)
    (,(concat "\\(" flow--name "\\)[ \t]*:[^:]") 1 font-lock-variable-name-face)
    (,(concat "\\(" flow--name "\\)(") 1 font-lock-function-name-face)
    ("\\_<[0-9][0-9_]*\\(?:\\.[0-9_]+\\)?\\(?:[eE][-+]?[0-9]+\\)?\\(?:[[:alpha:]][[:alnum:]]*\\)?\\_>"
     . font-lock-constant-face))
  "Colours of `flow-mode' beyond strings and comments.")

(defvar flow-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?_ "_" table)
    (modify-syntax-entry ?/ ". 124" table)
    (modify-syntax-entry ?* ". 23bn" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?\" "\"" table)
    (modify-syntax-entry ?` "\"" table)
    (modify-syntax-entry ?' "." table)
    (dolist (sign '(?+ ?- ?% ?= ?< ?> ?| ?& ?? ?@))
      (modify-syntax-entry sign "." table))
    table)
  "Comments nest, names in backticks are like strings.")

(defconst flow--syntax-propertize
  ;; A backslash is only a sign in `r"raw"'.
  (syntax-propertize-rules
   ("\\_<r\"[^\"\n]*\\(\\\\\\)\""
    (1 "."))))

;;;; Indentation

(defun flow--closes-p ()
  "Does the line begin with a closing bracket?"
  (save-excursion (back-to-indentation) (looking-at "[])}]")))

(defun flow--line-p (regexp)
  "Does the text of the line begin with REGEXP?"
  (save-excursion (back-to-indentation) (looking-at regexp)))

(defun flow--previous-line ()
  "Go to the line of text above; nil if there is none."
  (let ((found nil))
    (while (and (not found) (zerop (forward-line -1)))
      (setq found (not (looking-at "[ \t]*$"))))
    found))

(defconst flow--declares
  (concat (regexp-opt flow--declarations 'words) "[ \t]+[[:alpha:]_`\"]"))

(defun flow--continues-p ()
  "Does the line go on with the `if' or `try' of the line above?"
  (flow--line-p "\\(?:else\\|then\\)\\_>"))

(defun flow--indentation ()
  "The column of the line."
  (save-excursion
    (beginning-of-line)
    (let* ((start (point))
           (closes (flow--closes-p))
           (staged (flow--line-p "|>\\|->"))
           (continues (flow--continues-p))
           (inside (nth 1 (syntax-ppss)))
           (base (if inside
                     (save-excursion (goto-char inside) (current-indentation))
                   0)))
      (cond
       ((nth 4 (syntax-ppss)) (current-indentation))
       ((and inside closes) base)
       ((and inside continues)
        (save-excursion
          (if (and (flow--previous-line) (flow--continues-p))
              (current-indentation)
            (+ (current-indentation) flow-indent-offset))))
       (inside (+ base flow-indent-offset))
       (staged flow-indent-offset)
       ((flow--line-p flow--declares) 0)
       ((flow--line-p "//\\|/\\*")
        ;; A comment between stages stands with them.
        (save-excursion
          (let ((blank (save-excursion (forward-line -1) (looking-at "[ \t]*$"))))
            (if (and (not blank) (flow--previous-line) (< (point) start) (flow--line-p "|>\\|//"))
                (current-indentation)
              0))))
       (t 0)))))

(defun flow-indent-line ()
  "Indent the line as `flow fmt' would."
  (interactive)
  (let ((column (flow--indentation))
        (offset (- (current-column) (current-indentation))))
    (unless (= column (current-indentation))
      (indent-line-to column))
    (when (> offset 0)
      (move-to-column (+ column offset)))))

;;;; Commands

(defun flow--start (command &rest arguments)
  "Run `flow COMMAND ARGUMENTS' on the script of the buffer."
  (save-buffer)
  (let ((file (file-relative-name buffer-file-name)))
    (compile (mapconcat #'shell-quote-argument (append (list flow-command command) arguments (list file)) " "))))

(defun flow-check ()
  "Check the script."
  (interactive)
  (flow--start "check" "--format" "concise"))

(defun flow-run ()
  "Run the script."
  (interactive)
  (flow--start "run"))

(defun flow-test ()
  "Run the tests of the script."
  (interactive)
  (flow--start "test"))

(defun flow-plan ()
  "Show the plan of the script."
  (interactive)
  (flow--start "plan"))

;; file:line:column: error[E0201]: message
(add-to-list 'compilation-error-regexp-alist-alist
             '(flow "^\\([^\n:]+\\):\\([0-9]+\\):\\([0-9]+\\): \\(?:error\\|\\(warning\\)\\|\\(note\\)\\)\\(?:\\[[^]]+\\]\\)?: "
                    1 2 3 (4 . 5)))
(add-to-list 'compilation-error-regexp-alist 'flow)

(defvar flow-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "C-c C-c") #'flow-check)
    (define-key map (kbd "C-c C-r") #'flow-run)
    (define-key map (kbd "C-c C-t") #'flow-test)
    (define-key map (kbd "C-c C-p") #'flow-plan)
    map)
  "Keys of `flow-mode'.")

;;;###autoload
(define-derived-mode flow-mode prog-mode "Flow"
  "Mode for dataflow scripts."
  (setq-local comment-start "// ")
  (setq-local comment-end "")
  (setq-local comment-start-skip "\\(?://+\\|/\\*+\\)[ \t]*")
  (setq-local font-lock-defaults '(flow-font-lock-keywords))
  (setq-local syntax-propertize-function flow--syntax-propertize)
  (setq-local indent-line-function #'flow-indent-line)
  (setq-local indent-tabs-mode nil)
  (setq-local tab-width flow-indent-offset)
  (setq-local electric-indent-chars (append '(?\} ?\] ?\) ?> ?|) electric-indent-chars))
  (setq-local imenu-generic-expression
              `(("Streams" ,(concat flow--heading "stream[ \t]+\\(" flow--name "\\)") 1)
                ("Sources" ,(concat flow--heading "\\(?:source\\|table\\)[ \t]+\\(" flow--name "\\)") 1)
                ("Sinks" ,(concat flow--heading "sink[ \t]+\\(" flow--name "\\)") 1)
                ("Types" ,(concat "^type[ \t]+\\(" flow--name "\\)") 1)
                ("Functions" ,(concat "^fn[ \t]+\\(" flow--name "\\)") 1)
                ("Tests" "^test[ \t]+\"\\([^\"\n]*\\)\"" 1))))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.flow\\'" . flow-mode))

(defvar eglot-server-programs)
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs `(flow-mode . (,flow-command "lsp"))))

(provide 'flow-mode)

;;; flow-mode.el ends here
