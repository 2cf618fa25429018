# What e2e-gate brings along for RSpec, by --require. It writes one line of JSON for each thing that
# happens; the same method names an example when it is listed and when it runs. It is no formatter, so
# that those of the suite stay: it listens to RSpec's reporter. With a selection it leaves out every
# other example.
require "digest"
require "fileutils"
require "json"
require "rspec/core"
require "set"

module E2EGate
  NEEDED = 3
  ATTACHMENT = /\[\[ATTACHMENT\|(.+?)\]\]/
  # Metadata that RSpec, its plugins and this file read themselves.
  NOT_TAGS = %i[
    block description_args description full_description described_class file_path line_number location absolute_file_path rerun_file_path scoped_id
    execution_result example_group parent_example_group last_run_status shared_group_inclusion_backtrace skip pending if unless focus order
    aggregate_failures retry retry_wait retry_attempts retry_exceptions exponential_backoff clear_lets_on_failure exceptions_to_retry
    exceptions_to_hard_fail screenshot attachments extra_failure_lines
  ].to_set

  class << self
    def base = @base ||= File.realpath(ENV.fetch("E2E_GATE_DIR"))

    def selection
      return @selection if defined?(@selection)

      file = ENV["E2E_GATE_SELECTION"].to_s
      @selection = file.empty? ? nil : JSON.parse(File.read(file, encoding: "UTF-8")).to_set
    end

    def write(event, fields = {})
      @out ||= File.open(ENV.fetch("E2E_GATE_EVENTS"), "a")
      @out.syswrite(JSON.generate({event: event}.merge(fields)) << "\n")
    end

    def text(value)
      value = value.to_s
      value = value.dup.force_encoding(Encoding::UTF_8) if value.encoding == Encoding::ASCII_8BIT
      value.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub.gsub(/\e\[[0-9;]*m/, "")
    end

    def clip(value, size)
      value = text(value)
      value.length <= size ? value : "#{value[0, size / 3]}\n…\n#{value[-(size - size / 3)..]}"
    end

    def path(file)
      file = File.realpath(file) if File.exist?(file)
      from, to = base.split("/"), file.split("/")
      from.shift && to.shift while !from.empty? && from.first == to.first
      ([".."] * from.size + to).join("/")
    end

    # loads are the files of the suite, each with the outermost groups that were declared while it was loaded.
    def loads = @loads ||= {}.compare_by_identity

    # home is the file that has to be loaded for an outermost group: that in which it is written, or the
    # one that had a helper declare it.
    def home(group)
      file = group.metadata[:absolute_file_path]
      @files ||= RSpec.configuration.files_to_run.to_set { |one| File.expand_path(one) }
      @files.include?(file) ? file : loads[group] || file
    end

    # identify names an example by the file of its outermost group, and its description.
    def identify(example)
      (@names ||= {}.compare_by_identity)[example] ||= begin
        meta = example.metadata
        group = example.example_group.parent_groups.last
        home = home(group)
        file = path(home)
        name = text(meta[:full_description])
        # Such as `it { is_expected.to eq 1 }`, which gets its description when it has run.
        name = [name.strip, source(meta)].reject(&:empty?).join(" ") if meta[:description].to_s.empty?
        {id: "#{file}::#{name}", name: name, file: file, line: line(meta, group.metadata, home)}
      end
    end

    def source(meta)
      code = File.readlines(meta[:absolute_file_path], encoding: "UTF-8")[meta[:line_number] - 1].to_s.strip
      clip(code, 200)
    rescue SystemCallError
      "line #{meta[:line_number]}"
    end

    # line is where the file of an example has it, or includes the shared group that has it.
    def line(meta, group, home)
      return meta[:line_number] if meta[:absolute_file_path] == home

      frames = meta[:shared_group_inclusion_backtrace] || []
      frames.each do |frame|
        file, number = frame.inclusion_location.to_s.match(/\A(.+?):(\d+)/)&.captures
        return number.to_i if file && File.expand_path(file) == home
      end
      group[:absolute_file_path] == home ? group[:line_number] : 0
    end

    def tags(example)
      example.metadata.reject { |key, _| NOT_TAGS.include?(key) }.filter_map do |key, value|
        case value
        when true then key.to_s
        when String, Symbol then "#{key}:#{value}"
        end
      end
    end

    def list
      RSpec.world.all_examples.each do |example|
        next unless RSpec.world.filtered_examples[example.example_group].include?(example)

        what = identify(example)
        write("listed", what.merge(tags: tags(example), keep: what[:file]))
      end
      write("end")
    end

    # enter gives the running example a folder of its own: named after it, so that the gate knows whose files are in it. Without room for
    # one it has none.
    def enter(id)
      return unless ENV["E2E_EVIDENCE_DIR"]

      own = id.split("::", 2).last
      folder = File.join(ENV.fetch("E2E_EVIDENCE_DIR"), Digest::SHA256.hexdigest(own)[0, 12])
      FileUtils.mkdir_p(folder)
      ENV["E2E_TEST_EVIDENCE_DIR"] = folder
    rescue SystemCallError
      # no room
    end

    def leave
      folder = ENV.delete("E2E_TEST_EVIDENCE_DIR")
      Dir.rmdir(folder) if folder
    rescue SystemCallError
      # it has files
    end

    def selected?(example) = selection.nil? || selection.include?(identify(example)[:id])

    # A forgotten focus takes no other example away.
    def unfocus = RSpec.configuration.filter_manager.inclusions.delete(:focus)
  end

  # What happens, as RSpec's reporter tells it.
  class Listener
    ASSERTIONS = /\A(?:RSpec::Expectations::\w+NotMet\w*|RSpec::Mocks::MockExpectationError|Minitest::Assertion|RSpec::Core::Pending::\w+FixedError)/
    EVENTS = %i[example_started example_passed example_failed example_pending close].freeze

    def example_started(notification)
      @running = notification.example
      id = E2EGate.identify(@running)[:id]
      E2EGate.write("started", id: id)
      E2EGate.enter(id)
    end

    def example_passed(notification) = finished(notification.example, outcome: "passed")

    def example_pending(notification)
      result = notification.example.execution_result
      finished(notification.example, outcome: "skipped", message: E2EGate.clip(result.pending_message, 8000))
    end

    def example_failed(notification) = finished(notification.example, failure(notification.example.exception, notification.example.metadata))

    def close(_)
      E2EGate.write("end", statuses: [RSpec.configuration.failure_exit_code]) unless @running || E2EGate.selection.nil? # an exit within an example ends here too
    end

    def failure(exception, metadata = {})
      message = E2EGate.text(exception.message).strip
      lines = RSpec.configuration.backtrace_formatter.format_backtrace(exception.backtrace || [], metadata)
      file, line = place(exception)
      seen = {outcome: "failed", message: E2EGate.clip(message.empty? ? exception.class.name : message, 8000), type: exception.class.name.to_s,
              error: !assertion?(exception), details: E2EGate.clip([message, *lines, *cause(exception)].join("\n"), 24_000), at_file: file, at_line: line}
      expected, actual = message.match(/^\s*expected:? (.*?)$.*?^\s*got:? (.*?)$/m)&.captures
      seen[:properties] = [{name: "e2e.expected", value: expected}, {name: "e2e.actual", value: actual}] if expected
      seen
    end

    private

    def assertion?(exception)
      all = exception.respond_to?(:all_exceptions) ? exception.all_exceptions : [exception]
      all.all? { |one| one.class.ancestors.any? { |kind| ASSERTIONS.match?(kind.name.to_s) } }
    end

    def cause(exception)
      from = exception.cause
      from ? ["caused by #{from.class}: #{E2EGate.text(from.message)}", *from.backtrace.to_a.first(20)] : []
    end

    # place is the innermost line of the stack within the suite.
    def place(exception)
      (exception.backtrace || []).each do |frame|
        file, line = frame.match(/\A(.+?):(\d+)/)&.captures
        next unless file && File.exist?(file)

        file = E2EGate.path(File.expand_path(file))
        return [file, line.to_i] unless file.start_with?("..") || file.match?(%r{(?:\A|/)(?:vendor|gems)/})
      end
      ["", 0]
    end

    # finished writes an end, behind those that rspec-retry repeated and counted.
    def finished(example, seen)
      @running = nil
      E2EGate.leave
      what = E2EGate.identify(example)
      result, meta = example.execution_result, example.metadata
      repeats = meta[:retry_attempts].is_a?(Integer) && meta[:retry_exceptions].is_a?(Array) ? meta[:retry_attempts] : 0
      what = what.merge(key: example.id, start: result.started_at.to_f * 1000)
      repeats.times do |n|
        exception = meta[:retry_exceptions][n]
        failed = exception ? failure(exception, meta) : {outcome: "failed", message: "failed, and was repeated"}
        E2EGate.write("finished", what.merge(retry: n, seconds: 0, **failed))
      end
      E2EGate.write("finished", what.merge(retry: repeats, seconds: result.run_time.to_f, attachments: attachments(meta, seen), **seen))
    end

    # attachments are screenshots of capybara-screenshot and of Rails, and what an example attached itself.
    def attachments(meta, seen)
      files = meta[:screenshot].is_a?(Hash) ? meta[:screenshot].values : []
      files += Array(meta[:attachments]) + seen[:message].to_s.scan(ATTACHMENT).flatten
      files += Array(meta[:extra_failure_lines]).filter_map { |line| line.to_s[/\[Screenshot(?: Image)?\]: (.+)/, 1] }
      files.grep(String).map { |file| E2EGate.text(file).strip }.uniq
    end
  end

  # Errors outside of examples: a file that does not load, hooks of a group or the suite.
  module Reporter
    def notify_non_example_exception(exception, description)
      seen = Listener.new.failure(exception)
      E2EGate.write("error", message: E2EGate.clip("#{description} #{exception.class}: #{seen[:message]}", 8000), details: seen[:details])
      super
    end
  end

  module Filter
    def prune(examples) = super.select { |example| E2EGate.selected?(example) }
  end

  module Configuration
    # A file that does not load takes no other away from a listing.
    def load_spec_files
      super
    ensure
      RSpec.world.wants_to_quit = false if E2EGate.selection.nil?
      E2EGate.unfocus
    end

    private

    def load(file, *)
      known = RSpec.world.example_groups.size
      super
    ensure
      (RSpec.world.example_groups[known..] || []).each { |group| E2EGate.loads[group] = File.expand_path(file) }
    end
  end

  module Runner
    def run_specs(groups)
      if RSpec.configuration.respond_to?(:only_failures?) && RSpec.configuration.only_failures?
        E2EGate.write("unusable", message: "with --only-failures most examples are left out; remove it from .rspec and SPEC_OPTS")
        return 1
      end
      unless E2EGate.selection
        E2EGate.list
        return 0
      end
      return super unless RSpec.configuration.dry_run? # everything passes

      E2EGate.write("unusable", message: "with --dry-run no example runs; remove it from .rspec and RSpec.configure")
      1
    end
  end
end

if RSpec::Core::Version::STRING.to_i < E2EGate::NEEDED
  E2EGate.write("unusable", message: "RSpec #{RSpec::Core::Version::STRING} is too old; #{E2EGate::NEEDED}.0 or later is needed: " \
    "bundle update rspec, or gem install rspec")
  abort "RSpec is too old for e2e-gate"
end
ENV["RSPEC_RETRY_RETRY_COUNT"] = "1" if ENV["E2E_ATTEMPT"] == "2" # the diagnostic rerun is one attempt
RSpec::Core::Reporter.prepend(E2EGate::Reporter)
RSpec::Core::FilterManager.prepend(E2EGate::Filter)
RSpec::Core::Configuration.prepend(E2EGate::Configuration)
RSpec::Core::Runner.prepend(E2EGate::Runner)
RSpec.configuration.backtrace_exclusion_patterns << /e2e_gate_rspec\.rb/
RSpec.configuration.formatter_loader.reporter.register_listener(E2EGate::Listener.new, *E2EGate::Listener::EVENTS)
