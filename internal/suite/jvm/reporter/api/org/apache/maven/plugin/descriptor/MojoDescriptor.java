package org.apache.maven.plugin.descriptor;

public class MojoDescriptor {
    public native PluginDescriptor getPluginDescriptor();
}
