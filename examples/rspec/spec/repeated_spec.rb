# rspec-retry repeats it: two attempts, one process.
repeats = 0
RSpec.describe "Late" do
  it("is repeated", retry: 3) { expect((repeats += 1) > 1 || ENV["EXAMPLE_FAULTS"] == "none").to be true }
end
