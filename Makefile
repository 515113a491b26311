# The two commands: `make demo` shows the main job, `make test` runs every test. Each sets up what it needs by itself.
VENV := .venv
UV := .tools/bin/uv
RUN := $(VENV)/bin
# Most tests wait for processes they started: four at once keep two cores busy.
WORKERS := 4
# LibreOffice with windows, and a screen to show them on.
OFFICE := libreoffice-writer libreoffice-calc libreoffice-impress libreoffice-draw xvfb xdotool

.PHONY: install demo dev lint test check bench proof docs clients clean

install: $(VENV)/.installed
demo: install
	$(RUN)/inkdot demo
dev: $(VENV)/.dev
lint: dev
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports
test: dev
	sh tools/need.sh strace chromium swaks libnet-ssleay-perl msmtp mutt openssl gnupg faketime thunderbird dovecot-imapd $(OFFICE)
	$(RUN)/python -m pytest -n $(WORKERS)
check: lint test
bench: dev
	sh tools/need.sh nginx wrk postgresql postfix
	$(RUN)/python bench/run.py
proof: dev
	sh tools/need.sh strace chromium iproute2 nodejs npm openssl faketime $(OFFICE)
	$(RUN)/python proofs/run.py --long
	$(RUN)/python proofs/mail.py
	$(RUN)/python proofs/webhooks.py
	$(RUN)/python proofs/sign_in.py
	$(RUN)/python proofs/soak.py
	$(RUN)/python proofs/strangers.py
	$(RUN)/python proofs/corpus.py
	$(RUN)/python proofs/real_documents.py
	$(RUN)/python proofs/contract.py
	$(RUN)/python proofs/silence.py --long
	$(UV) sync --frozen --quiet --group proof
	$(RUN)/python proofs/odd.py
	$(RUN)/python proofs/odd_documents.py
	$(RUN)/python proofs/agents.py
docs: dev
	$(RUN)/python tools/reference.py
clients:
	python3 tools/clients.py
clean:
	rm -rf $(VENV) .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist

$(UV):
	sh tools/uv.sh .tools
$(VENV)/.installed: $(UV) pyproject.toml uv.lock
	$(UV) sync --frozen --no-dev --quiet
	touch $@
$(VENV)/.dev: $(UV) pyproject.toml uv.lock
	$(UV) sync --frozen --quiet
	touch $(VENV)/.installed $@
